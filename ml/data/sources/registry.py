"""Listing a path: the first registered loader that knows its layout reads it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ml.data.sources import folders, idx, tables  # noqa: F401  (they register their loaders)
from ml.data.sources.archives import ARCHIVES, is_zip, open_archive
from ml.data.sources.folders import looks_like_picture
from ml.data.sources.listing import LAYOUT, SOURCES, Candidate, Listing, source, under_one_label
from ml.data.sources.walk import Entry, folder_entries, natural, read_file, signature
from ml.errors import BadInputError

__all__ = [
    "SOURCES", "Candidate", "Listing", "list_one_class", "list_source", "natural", "signature",
    "source",
]  # fmt: skip
_WITH_LABELS = ("idx", "table")
"""Loaders of files that are no pictures themselves: with a class given, they are still needed."""


def list_source(path: Path, *, least: int = 2) -> Listing:
    """What the pictures at ``path`` are, without decoding them.

    Raises:
        BadInputError: there is nothing there, no loader knows the layout, or it has fewer than
            ``least`` classes.
    """
    _check_there(path)
    for loader in SOURCES.values():
        listing = loader(path)
        if listing is None:
            continue
        if len(listing.classes) < least:
            listing.close()
            raise BadInputError(_one_class(path, listing))
        return listing
    if path.is_dir():
        raise BadInputError(f"No pictures in class folders were found in {path}. {LAYOUT}")
    if looks_like_picture(path.name):
        raise BadInputError(
            f"{path.name} is a file without a class. {LAYOUT} Or name its class with --class."
        )
    if path.name.casefold().endswith(ARCHIVES):
        raise BadInputError(f"{path.name} is a file that is no zip. {LAYOUT} Unpack it first.")
    raise BadInputError(
        f"{path.name} is a file that is no zip and no table. {LAYOUT} Unpack it first if it is an "
        "archive."
    )


def list_one_class(paths: Sequence[Path], label: str) -> Listing:
    """All pictures at ``paths``, files, folders and archives, as of one class, whatever lies where.

    Raises:
        BadInputError: there is nothing there.
    """
    for path in paths:
        _check_there(path)
    if len(paths) == 1:
        for name in _WITH_LABELS:
            if listing := SOURCES[name](paths[0]):
                return under_one_label(listing, label)
    entries: list[Entry] = []
    refused: list[tuple[str, str]] = []
    archives = []
    for path in paths:
        if path.is_dir():
            entries += folder_entries(path)
        elif is_zip(path):
            archives.append(archive := open_archive(path))
            entries += archive.entries
            refused += archive.refused
        else:
            entries.append(Entry((path.name,), partial(read_file, path)))

    def close() -> None:
        for archive in archives:
            archive.file.close()

    return Listing(
        classes=(label,),
        count=len(entries),
        candidates=(Candidate(entry.name, label, None, entry.read) for entry in entries),
        refused=tuple(refused),
        close=close,
    )


def _one_class(path: Path, listing: Listing) -> str:
    why = f" {listing.refused[0][0]}: {listing.refused[0][1]}" if listing.refused else ""
    return f"{path} has one class, {listing.classes[0]}.{why} {LAYOUT}"


def _check_there(path: Path) -> None:
    if not path.exists():
        raise BadInputError(f"There is nothing at {path}. Check the path.")
