"""Safe file names, made of untrusted names."""

import re
import unicodedata
from pathlib import PurePosixPath

MAX_NAME_BYTES = 180
"""The longest part of a path in bytes: file systems take 255, some less."""
_UNWANTED = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_path(name: str) -> PurePosixPath:
    """A relative path without ``..`` that every file system takes, for the untrusted ``name``.

    >>> str(safe_path("../pets\\\\cat/1?.png"))
    'pets/cat/1_.png'
    """
    parts = (safe_part(part) for part in name.replace("\\", "/").split("/"))
    safe_parts = [part for part in parts if part]
    return PurePosixPath(*safe_parts) if safe_parts else PurePosixPath("file")


def safe_part(part: str) -> str:
    """A safe part of a path; empty where nothing safe is left.

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
    room = MAX_NAME_BYTES - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + suffix


def free_path(path: PurePosixPath, used_names: set[str]) -> PurePosixPath:
    """``path``, with a number if it is among ``used_names`` in any case, and added to them.

    >>> used_names = {"a/x.png"}
    >>> str(free_path(PurePosixPath("a/X.png"), used_names))
    'a/X (2).png'
    """
    number, candidate = 2, path
    while str(candidate).casefold() in used_names:
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    used_names.add(str(candidate).casefold())
    return candidate
