"""Predictions to take away: as a table (CSV), and as pictures in a folder for each class."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ml.data.file_names import free_path, safe_part, safe_path
from ml.errors import BadInputError
from ml.utils.files import explain_os_error

COLUMNS = ("file", "label", "probability", "decision", "error", "unlike")


def heading(ranks: int) -> list[str]:
    """The first line of a table of answers that rank so many classes."""
    ranked = (f"{word} {place}" for place in range(1, ranks + 1) for word in COLUMNS[1:3])
    return [*COLUMNS, *ranked]


def line(answer: Mapping[str, Any]) -> list[object]:
    """An answer of ``ml.inference.classifier.Classifier`` as a line of that table."""
    top = [cell for one in answer["top"] for cell in (one["label"], f"{one['probability']:.6f}")]
    return [*("" if (cell := answer.get(name)) is None else cell for name in COLUMNS), *top]


class Places:
    """Where pictures go that are sorted into folders, one a class: names that no file system
    refuses, those that clash numbered."""

    def __init__(self) -> None:
        self._folders: dict[str, PurePosixPath] = {}
        self._taken: set[str] = set()

    def place(self, label: str, file: str) -> PurePosixPath:
        """The path for one more picture of the class ``label`` that was called ``file``.

        >>> places = Places()
        >>> [str(places.place("cat", name)) for name in ("a/1.jpg", "b/1.jpg")]
        ['cat/1.jpg', 'cat/1 (2).jpg']
        """
        if label not in self._folders:
            name = safe_part(label.replace("/", "_").replace("\\", "_")) or "class"
            self._folders[label] = free_path(PurePosixPath(name), self._taken)
        return free_path(self._folders[label] / safe_path(file).name, self._taken)


class Sorted:
    """A folder under way in which pictures are sorted; see ``sorted_into``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pictures = folder, 0
        self._places = Places()

    def put(self, label: str, file: str, data: bytes) -> None:
        """Write one picture into the folder of its class.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        path = self.folder / self._places.place(label, file)
        with _explained(path):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        self.pictures += 1


@contextmanager
def sorted_into(folder: Path) -> Iterator[Sorted]:
    """Make ``folder`` of what is put into it meanwhile: whole at the end, or not at all.

    Raises:
        BadInputError: there is something in it already, or there is no place for it.
        WorkspaceError: the disk is full or cannot be written to.
    """
    check_target(folder, "folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is not empty. Name a new folder, or empty that one.")
    with _explained(folder):
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.resolve().parent))
    try:
        yield Sorted(beside)
        with _explained(folder):
            if folder.exists():
                folder.rmdir()
            beside.chmod(0o755)
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explain_os_error(error, path) from error


def check_target(path: Path, kind: str) -> None:
    """Find out before the work that there is a place for its outcome.

    Raises:
        BadInputError: the folder that ``path`` is to be in is not there.
    """
    if not path.resolve().parent.is_dir():
        raise BadInputError(
            f"There is no folder {path.parent} to write the {kind} {path.name} to. Make it first."
        )


def table(answers: Iterable[Mapping[str, Any]], ranks: int) -> list[list[object]]:
    """A table of answers, its heading first."""
    return [list(heading(ranks)), *(line(answer) for answer in answers)]
