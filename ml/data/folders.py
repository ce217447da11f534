"""A folder of class folders, with or without ``train``, ``val`` and ``test`` above them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ml.data.listing import Candidate, Listing, shown, source
from ml.data.walk import clean, files_below, natural, read_file, visible
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
    root = _unwrapped(path)
    folders = [entry for entry in visible(root) if entry.is_dir()]
    splits = {
        folder: SPLIT_FOLDERS[folder.name.casefold()]
        for folder in folders
        if folder.name.casefold() in SPLIT_FOLDERS
    }
    found: list[tuple[Path, str, str | None]] = []
    for folder, split in splits.items() if splits else [(root, None)]:
        for kind in visible(folder):
            if kind.is_dir():
                found += [(file, clean(kind.name), split) for file in files_below(kind)]
    if not found:
        return None
    notes = []
    if len(set(splits.values())) == 1:
        notes.append(f"There is only a {next(iter(splits)).name} folder: its pictures are split.")
        found = [(file, label, None) for file, label, _ in found]
    about = _about(path)
    return Listing(
        classes=tuple(sorted({label for _, label, _ in found}, key=natural)),
        count=len(found),
        candidates=_candidates(root, found, about),
        refused=tuple(_left_out(root, folders, splits)),
        notes=tuple(notes),
        about=shown(about),
    )


def _unwrapped(path: Path) -> Path:
    """The folder itself, or the only one in it as long as that holds folders in turn."""
    while True:
        folders = [entry for entry in visible(path) if entry.is_dir()]
        if len(folders) != 1 or folders[0].name.casefold() in SPLIT_FOLDERS:
            return path
        if not any(entry.is_dir() for entry in visible(folders[0])):
            return path
        path = folders[0]


def _candidates(
    root: Path, found: list[tuple[Path, str, str | None]], about: dict[str, Any]
) -> Iterator[Candidate]:
    held = set(about.get("test", ()))
    groups = {file: name for name, files in about.get("groups", {}).items() for file in files}
    for file, label, split in found:
        name = clean(file.relative_to(root).as_posix())
        side = "test" if name in held else split
        yield Candidate(name, label, side, partial(read_file, file), groups.get(name))


def _left_out(
    root: Path, folders: list[Path], splits: dict[Path, str]
) -> Iterator[tuple[str, str]]:
    """What lies where no class can be told from: loose pictures, folders beside ``train``."""
    for folder in splits or [root]:
        for entry in visible(folder):
            if entry.is_file() and entry.suffix.casefold() in _SUFFIXES:
                name = clean(entry.relative_to(root).as_posix())
                yield name, "It lies in no class folder, so it has no class."
    for folder in folders:
        if splits and folder not in splits:
            yield (
                clean(folder.name),
                "It stands beside train, val and test; it was not looked into.",
            )


def _about(path: Path) -> dict[str, Any]:
    """The facts of a set that comes with Lensmith: its test list and groups among them."""
    found = read_json(path / "about.json", {}) if path.resolve().parent == BUNDLED else {}
    return found if isinstance(found, dict) else {}
