"""A folder of class folders, with or without ``train``, ``val`` and ``test`` above them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from ml.data.sources.entries import Entry, Parts, clean, parts_of
from ml.data.sources.listing import Candidate, Listing, shown, source
from ml.data.sources.walk import natural, signed_entries
from ml.utils.files import read_json

BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
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
    tops = dict.fromkeys(parts[start] for parts in parts_of(entries) if len(parts) > start + 1)
    splits = {top: split for top in tops if (split := SPLIT_FOLDERS.get(top.casefold()))}
    places = _Places(start, splits)
    labels, count = set(), 0
    for parts in parts_of(entries):
        if label := places.label(parts):
            labels.add(label)
            count += 1
    if not count:
        return None
    notes = []
    if len(set(splits.values())) == 1:
        notes.append(f"There is only a {next(iter(splits))} folder: its pictures are split.")
    return Listing(
        classes=tuple(sorted(labels, key=natural)),
        count=count,
        candidates=_candidates(entries, places, about),
        refused=(*_loose(entries, start, splits), *_beside(tops, splits)),
        notes=tuple(notes),
        about=shown(about),
    )


def looks_like_picture(name: str) -> bool:
    """Whether the name ends as those of pictures do."""
    return PurePosixPath(name).suffix.casefold() in _SUFFIXES


class _Places:
    """Which class and split a file is of, by the folders that it lies in.

    Args:
        start: the count of wrapper folders above everything.
        splits: {folder: split} where split folders stand above the class folders.
    """

    def __init__(self, start: int, splits: dict[str, str]) -> None:
        self.start, self.deep = start, start + bool(splits)
        self._splits, self._names = splits, dict[str, str]()
        self._parted = len(set(splits.values())) > 1

    def label(self, parts: Parts) -> str:
        """The name of the class; empty where the file is of none."""
        if len(parts) <= self.deep + 1 or (self._splits and parts[self.start] not in self._splits):
            return ""
        folder = parts[self.deep]
        if folder not in self._names:
            self._names[folder] = clean(folder).strip() or "unnamed"
        return self._names[folder]

    def split(self, parts: Parts) -> str | None:
        """The split; None where the source has only one split folder."""
        return self._splits.get(parts[self.start]) if self._parted else None


def _wrappers(entries: Sequence[Entry]) -> int:
    """The count of wrapper folders above the classes: each is the only folder of its level and has
    folders in it."""
    start = 0
    while True:
        tops = {parts[start] for parts in parts_of(entries) if len(parts) > start + 1}
        if len(tops) != 1 or tops.pop().casefold() in SPLIT_FOLDERS:
            return start
        if not any(len(parts) > start + 2 for parts in parts_of(entries)):
            return start
        start += 1


def _candidates(
    entries: Sequence[Entry], places: _Places, about: dict[str, Any]
) -> Iterator[Candidate]:
    test_files = set(about.get("test", ()))
    groups = {file: name for name, files in about.get("groups", {}).items() for file in files}
    for entry in entries:
        if label := places.label(entry.parts):
            name = clean("/".join(entry.parts[places.start :]))
            side = "test" if name in test_files else places.split(entry.parts)
            yield Candidate(name, label, side, entry.read, groups.get(name))


def _loose(
    entries: Sequence[Entry], start: int, splits: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The pictures that lie in no class folder, with the reason."""
    for parts in parts_of(entries):
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
    about = read_json(path / "about.json", {}) if path.resolve().parent == BUNDLED else {}
    return about if isinstance(about, dict) else {}
