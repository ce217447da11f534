"""A table of files and labels beside the pictures: CSV or TSV, with or without a heading."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from ml.data.sources.folders import SPLIT_FOLDERS
from ml.data.sources.listing import Candidate, Listing, source
from ml.data.sources.walk import Entry, clean, folder_entries, natural, read_file, visible
from ml.errors import BadInputError

SUFFIXES = (".csv", ".tsv")
MAX_TABLE_BYTES = 64 * 2**20
MAX_TABLE_ROWS = 1_000_000
MAX_LINE_LENGTH = 2**20
MAX_LINES_PER_ROW = 1000
"""A quoted cell may hold line ends."""
HEADINGS = {
    "file": ("file", "filename", "file_name", "filepath", "path", "image", "image_path", "img",
             "picture", "image_id", "id", "name"),
    "label": ("label", "class", "class_name", "category", "target", "species", "breed", "labels"),
    "split": ("split", "set", "subset", "partition"),
    "group": ("group", "person", "subject", "patient", "session", "scene"),
}  # fmt: skip
"""What columns are called, the likelier first."""
ENDINGS = ("", ".jpg", ".png", ".jpeg", ".webp", ".tif", ".bmp", ".gif")
"""Tried in turn: many tables leave the ending of the files away."""


@source("table", first=True)
def load_table(path: Path) -> Listing | None:
    """A CSV or TSV by its path, or a folder with one at its top that names files and labels."""
    if path.is_file() and path.suffix.casefold() in SUFFIXES:
        check_table_size(path.name, path.stat().st_size)
        rows, columns = _read(read_file(path), path.name)
        return _listing(rows, columns, _Folder(path.parent).find, path.name)
    if not path.is_dir():
        return None
    tables = [one for one in visible(path) if one.suffix.casefold() in SUFFIXES]
    tables = [one for one in tables if one.stat().st_size <= MAX_TABLE_BYTES]
    entries = [Entry((one.name,), partial(read_file, one)) for one in tables]
    return _first_of(entries, _Folder(path).find)


def find_table(entries: Sequence[Entry]) -> Listing | None:
    """The table that stands highest in an archive, if it names files and labels."""
    tables = [entry for entry in entries if entry.parts[-1].casefold().endswith(SUFFIXES)]
    depth = min((len(entry.parts) for entry in tables), default=0)
    for table in tables:
        if len(table.parts) == depth:
            inside = _inside(entries, table.parts[:-1])
            if listing := _first_of([table], _Index(inside).find):
                return listing
    return None


def check_table_size(name: str, size: int) -> None:
    """Raises BadInputError where a table of ``size`` bytes is not read."""
    if size > MAX_TABLE_BYTES:
        raise BadInputError(
            f"{name} is larger than {MAX_TABLE_BYTES // 2**20} MB, the most for a table. Give it "
            "in parts."
        )


Find = Callable[[str], Entry | None]


def _first_of(tables: Sequence[Entry], find: Find) -> Listing | None:
    """The first table whose heading names a file and a label, and whose first file is there."""
    for table in tables:
        try:
            rows, columns = _read(table.read(), table.parts[-1])
        except BadInputError:
            continue
        if columns and rows and find(_cell(rows[0], columns["file"])):
            return _listing(rows, columns, find, table.name)
    return None


def _listing(
    rows: list[list[str]], columns: dict[str, int] | None, find: Find, name: str
) -> Listing:
    notes: tuple[str, ...] = ()
    if columns is None:
        columns = {"file": 0, "label": 1, "split": 2, "group": 3}
        if rows and find(_cell(rows[0], 0)) is None and len(rows) > 1:
            notes = (f"The first line of {name} was taken for a heading.",)
            rows = rows[1:]
    candidates, refused = _match(rows, columns, find)
    if not candidates:
        first = f" {refused[0][0]}: {refused[0][1]}" if refused else ""
        raise BadInputError(
            f"{name} names no picture with a label.{first} Each line has the file, as it lies "
            "beside the table, and its label, such as: cat1.jpg,cat"
        )
    return Listing(
        classes=tuple(sorted({one.label for one in candidates}, key=natural)),
        count=len(candidates),
        candidates=iter(candidates),
        refused=tuple(refused),
        notes=notes,
    )


def _match(
    rows: list[list[str]], columns: dict[str, int], find: Find
) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """The files of the rows, and the rows that lead to none."""
    candidates: list[Candidate] = []
    refused: list[tuple[str, str]] = []
    for row in rows:
        named, label, split, group = (_cell(row, columns.get(key, -1)) for key in HEADINGS)
        side = SPLIT_FOLDERS.get(split.casefold())
        why = ""
        if not label:
            why = "It has no label in the table."
        elif split and side is None:
            why = f"Its split is {split[:40]}, where train, val and test are known."
        elif _leads_out(named):
            why = "Its name leads out of the folder of the table."
        entry = None if why else find(named)
        if entry is None:
            refused.append((named, why or "There is no such file beside the table."))
            continue
        candidates.append(Candidate(entry.name, label, side, entry.read, group or None))
    return candidates, refused


def _read(data: bytes, name: str) -> tuple[list[list[str]], dict[str, int] | None]:
    """The rows below the heading, and the column of each kind; None where there is no heading.

    Rows are counted as they are read, and cells that no column is for are dropped.

    Raises:
        BadInputError: it is not a table, or beyond the limits.
    """
    check_table_size(name, len(data))
    encoding, errors = _encoding(data)
    text = io.TextIOWrapper(io.BytesIO(data), encoding, errors, newline="")
    lines = _Lines(text, name)
    delimiter = max(",;\t|", key=lines.first.count)
    rows: list[list[str]] = []
    columns: dict[str, int] | None = None
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            lines.lines_of_row = 0
            if not any(row):
                continue
            if len(rows) > MAX_TABLE_ROWS:
                raise BadInputError(
                    f"{name} has more than {MAX_TABLE_ROWS:,} lines. Give it in parts."
                )
            if not rows:
                columns = _columns(row)
            width = max(columns.values()) + 1 if columns else len(HEADINGS)
            rows.append(row[:width])
    except csv.Error as error:
        raise BadInputError(f"{name} cannot be read as a table: {error}.") from error
    return (rows[1:], columns) if columns else (rows, None)


def _encoding(data: bytes) -> tuple[str, str]:
    """The encoding of a table, and what to do about bytes that are not of it."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", "replace"
    try:
        for _ in io.TextIOWrapper(io.BytesIO(data), "utf-8-sig"):
            pass
    except UnicodeDecodeError:
        return "cp1252", "replace"
    return "utf-8-sig", "strict"


def _columns(heading: list[str]) -> dict[str, int] | None:
    """The column of each kind, -1 for none; None where it is no heading."""
    heads = [cell.strip().casefold() for cell in heading]
    columns = {
        kind: next((heads.index(name) for name in names if name in heads), -1)
        for kind, names in HEADINGS.items()
    }
    return columns if min(columns["file"], columns["label"]) >= 0 else None


class _Lines:
    """The lines of a table, under limits. ``lines_of_row`` is to be set to 0 at each row.

    Raises:
        BadInputError: a line or a row is too long.
    """

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self.first = text.readline(MAX_LINE_LENGTH)
        text.seek(0)
        self.lines_of_row, self._text, self._name = 0, text, name

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_LINE_LENGTH):
            self.lines_of_row += 1
            if len(line) == MAX_LINE_LENGTH or self.lines_of_row > MAX_LINES_PER_ROW:
                raise BadInputError(f"{self._name} has a line that is too long for a table.")
            yield line


def _cell(row: list[str], column: int) -> str:
    return clean(row[column].strip()) if 0 <= column < len(row) else ""


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def _inside(entries: Sequence[Entry], folder: tuple[str, ...]) -> list[Entry]:
    depth = len(folder)
    return [
        Entry(entry.parts[depth:], entry.read)
        for entry in entries
        if entry.parts[:depth] == folder and len(entry.parts) > depth
    ]


@dataclass
class _Index:
    """Finds a file by the path in a table, or by its mere name where only one file has it."""

    entries: Sequence[Entry]
    by_path: dict[str, Entry] = field(default_factory=dict)
    by_name: dict[str, list[Entry]] = field(default_factory=dict)

    def find(self, named: str) -> Entry | None:
        """The file, or None."""
        if not self.by_path:
            for entry in self.entries:
                self.by_path[entry.name] = entry
                self.by_name.setdefault(clean(entry.parts[-1]), []).append(entry)
        path = str(PurePosixPath(named.replace("\\", "/")))
        for ending in ENDINGS:
            if match := self.by_path.get(path + ending):
                return match
        for ending in ENDINGS:
            same = self.by_name.get(PurePosixPath(path).name + ending, [])
            if len(same) == 1:
                return same[0]
        return None


@dataclass
class _Folder:
    """As ``_Index``, looking through the folder only for a file that is not where it should be."""

    folder: Path
    index: _Index | None = None

    def find(self, named: str) -> Entry | None:
        """The file, or None."""
        if _leads_out(named):
            return None
        path = PurePosixPath(named.replace("\\", "/"))
        there = self.folder.joinpath(*path.parts)
        with suppress(OSError, ValueError):  # a name that no file can have
            if there.is_file():
                return Entry(path.parts, partial(read_file, there))
        if self.index is None:
            self.index = _Index(folder_entries(self.folder))
        return self.index.find(named)
