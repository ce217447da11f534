"""Names for files on disk, made of names that came from outside."""

import re
import unicodedata
from pathlib import PurePosixPath

MOST_BYTES = 180
"""How long a part of a name may be: file systems take 255, some leave less."""
_UNWANTED = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_path(name: str) -> PurePosixPath:
    """A path below some folder, which every file system takes, for a file that calls itself
    ``name``.

    >>> str(safe_path("../pets\\\\cat/1?.png"))
    'pets/cat/1_.png'
    """
    parts = (safe_part(part) for part in name.replace("\\", "/").split("/"))
    kept = [part for part in parts if part]
    return PurePosixPath(*kept) if kept else PurePosixPath("file")


def safe_part(part: str) -> str:
    """One part of such a path; empty where nothing is left of it.

    >>> safe_part("paper."), safe_part(".."), safe_part("con")
    ('paper', '', '_con')
    """
    clean = _UNWANTED.sub(
        "_", unicodedata.normalize("NFC", part).encode("utf-8", "replace").decode()
    )
    if not clean.strip(". "):  # nothing, or this folder, or the one above
        return ""
    clean = clean.strip().rstrip(". ")
    if _WINDOWS.fullmatch(clean):
        clean = f"_{clean}"
    stem, dot, suffix = clean.rpartition(".")
    if not stem or len(suffix) > 10:
        stem, dot, suffix = clean, "", ""
    room = MOST_BYTES - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + suffix


def free_path(path: PurePosixPath, taken: set[str]) -> PurePosixPath:
    """``path``, with a number where that name is ``taken``, by its case too; it is taken then.

    >>> taken = {"a/x.png"}
    >>> str(free_path(PurePosixPath("a/X.png"), taken))
    'a/X (2).png'
    """
    number, found = 2, path
    while str(found).casefold() in taken:
        found = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    taken.add(str(found).casefold())
    return found
