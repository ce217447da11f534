"""A folder of class folders, with or without ``train``, ``val`` and ``test`` above them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from ml.data.listing import Candidate, Listing, shown, source
from ml.data.walk import Entry, clean, natural, signed_entries
from ml.files import read_json

BUNDLED = Path(__file__).resolve().parent / "bundled"
SPLIT_FOLDERS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic"}


@source("folders")
def load_folders(path: Path) -> Listing | None:
    """The label of a picture is its class folder, however deep below it the picture lies."""
    if not path.is_dir():
        return None
    entries, mark = signed_entries(path)
    listing = arrange(entries, _about(path))
    return replace(listing, mark=mark) if listing else None


def arrange(entries: Sequence[Entry], about: dict[str, Any] | None = None) -> Listing | None:
    """The files of a folder or an archive by the class folders they lie in; None without such."""
    about, start = about or {}, _wrappers(entries)
    inside = [entry for entry in entries if len(entry.parts) > start + 1]
    tops = dict.fromkeys(entry.parts[start] for entry in inside)
    splits = {top: split for top in tops if (split := SPLIT_FOLDERS.get(top.casefold()))}
    deep = start + bool(splits)  # where the class folder stands
    found = [
        (entry, clean(entry.parts[deep]).strip() or "unnamed", splits.get(entry.parts[start]))
        for entry in inside
        if len(entry.parts) > deep + 1 and (not splits or entry.parts[start] in splits)
    ]
    if not found:
        return None
    notes = []
    if len(set(splits.values())) == 1:
        notes.append(f"There is only a {next(iter(splits))} folder: its pictures are split.")
        found = [(entry, label, None) for entry, label, _ in found]
    return Listing(
        classes=tuple(sorted({label for _, label, _ in found}, key=natural)),
        count=len(found),
        candidates=_candidates(start, found, about),
        refused=(*_loose(entries, start, splits), *_beside(tops, splits)),
        notes=tuple(notes),
        about=shown(about),
    )


def looks_like_picture(name: str) -> bool:
    """Whether the name ends as those of pictures do."""
    return PurePosixPath(name).suffix.casefold() in _SUFFIXES


def _wrappers(entries: Sequence[Entry]) -> int:
    """How many folders stand one around the other above the classes: each the only one of its
    level, with folders in it in turn."""
    start = 0
    while True:
        tops = {entry.parts[start] for entry in entries if len(entry.parts) > start + 1}
        if len(tops) != 1 or tops.pop().casefold() in SPLIT_FOLDERS:
            return start
        if not any(len(entry.parts) > start + 2 for entry in entries):
            return start
        start += 1


def _candidates(
    start: int, found: list[tuple[Entry, str, str | None]], about: dict[str, Any]
) -> Iterator[Candidate]:
    held = set(about.get("test", ()))
    groups = {file: name for name, files in about.get("groups", {}).items() for file in files}
    for entry, label, split in found:
        name = clean("/".join(entry.parts[start:]))
        side = "test" if name in held else split
        yield Candidate(name, label, side, entry.read, groups.get(name))


def _loose(
    entries: Sequence[Entry], start: int, splits: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The pictures that lie where no class can be told from."""
    for entry in entries:
        parts = entry.parts
        below = len(parts) == start + 2 and parts[start] in splits
        loose = len(parts) <= start + 1 or below
        if loose and looks_like_picture(parts[-1]):
            name = clean("/".join(parts[start:] or parts))
            yield name, "It lies in no class folder, so it has no class."


def _beside(tops: dict[str, None], splits: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The folders that stand beside ``train``."""
    for top in tops if splits else ():
        if top not in splits:
            yield clean(top), "It stands beside train, val and test; it was not looked into."


def _about(path: Path) -> dict[str, Any]:
    """The facts of a set that comes with Lensmith: its test list and groups among them."""
    found = read_json(path / "about.json", {}) if path.resolve().parent == BUNDLED else {}
    return found if isinstance(found, dict) else {}
