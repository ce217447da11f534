"""Command-line parser of edits: ``--relabel 12.png=cat`` becomes an edit of
``ml.data.edits.edits``."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ml.data.edits.edits import Edit
from ml.data.splits.group_by import GROUP_RULES, group_by
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

MIN_HASH_DIGITS = 6
"""The shortest start of a hash that names a picture."""


class Option(NamedTuple):
    """A command-line option: how its value is shown, whether it takes several values, its help, and
    the edits that a value stands for."""

    metavar: str
    several: bool
    help: str
    edits: Callable[[Workspace, DatasetVersion, Any], list[Edit]]


def find_items(version: DatasetVersion, query: str) -> list[int]:
    """The numbers of the items that ``query`` names: a file name (with or without folders), the
    start of a hash, or ``#`` and the number of an item.

    Raises:
        BadInputError: it names no picture, or several different ones.
    """
    items = version.items
    if query[:1] == "#" and query[1:].isdecimal() and int(query[1:]) < len(items):
        return [int(query[1:])]
    matches = [n for n, item in enumerate(items) if item.file == query]
    if not matches:
        matches = [n for n, i in enumerate(items) if PurePosixPath(i.file).name == query]
    if not matches and len(query) >= MIN_HASH_DIGITS:
        matches = [n for n, item in enumerate(items) if item.hash.startswith(query.lower())]
    if not matches:
        raise BadInputError(
            f"There is no picture {query[:200]!r} in {version.name}. Name it by its file, the "
            f"first {MIN_HASH_DIGITS} digits of its hash, or # and its number."
        )
    if len({items[n].hash for n in matches}) > 1:
        raise BadInputError(
            f"{len(matches)} pictures of {version.name} are called {query[:200]!r}: "
            f"{items[matches[0]].file}, {items[matches[1]].file}. Say which."
        )
    return matches


def _on_items(kind: str) -> Callable[[Workspace, DatasetVersion, Any], list[Edit]]:
    def edits(_: Workspace, version: DatasetVersion, names: Sequence[str]) -> list[Edit]:
        return [{"do": kind, "items": [n for name in names for n in find_items(version, name)]}]

    return edits


def _on_classes(kind: str) -> Callable[[Workspace, DatasetVersion, Any], list[Edit]]:
    return lambda _, __, names: [{"do": kind, "name": name} for name in names]


def _relabel(_: Workspace, version: DatasetVersion, pairs: Sequence[str]) -> list[Edit]:
    return [
        {"do": "relabel", "items": find_items(version, picture), "label": label}
        for picture, label in (_pair(text, "PICTURE=CLASS") for text in pairs)
    ]


def _split(_: Workspace, version: DatasetVersion, pairs: Sequence[str]) -> list[Edit]:
    return [
        {
            "do": "set_split",
            "items": find_items(version, picture),
            "split": None if split == "none" else split,
        }
        for picture, split in (_pair(text, "PICTURE=SPLIT") for text in pairs)
    ]


def _rename(_: Workspace, __: DatasetVersion, pairs: Sequence[str]) -> list[Edit]:
    renames = (_pair(text, "OLD=NEW") for text in pairs)
    return [{"do": "rename_class", "old": old, "new": new} for old, new in renames]


def _merge(_: Workspace, __: DatasetVersion, text: str) -> list[Edit]:
    names, into = _pair(text, "A,B=C")
    return [{"do": "merge_classes", "names": names.split(","), "into": into}]


def _draw(_: Workspace, __: DatasetVersion, text: str) -> list[Edit]:
    if not text.isdecimal():
        raise BadInputError(f"A seed is a whole number, not {text!r:.80}.")
    return [{"do": "draw_test", "seed": int(text)}]


def _from_file(_: Workspace, __: DatasetVersion, path: str) -> list[Edit]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        edits = json.loads(text)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadInputError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(edits, list):
        raise BadInputError(f"{path} must hold a JSON list of edits.")
    return edits


def _pair(text: str, form: str) -> tuple[str, str]:
    key, _, right = text.rpartition("=")
    if not (key and right):
        raise BadInputError(f"This takes {form}, not {text!r:.80}.")
    return key, right


OPTIONS = {
    "--relabel": Option("PICTURE=CLASS", True, "move pictures to another class", _relabel),
    "--exclude": Option("PICTURE", True, "take pictures out of every split", _on_items("exclude")),
    "--include": Option("PICTURE", True, "take excluded pictures in again", _on_items("include")),
    "--delete": Option("PICTURE", True, "take pictures out of the set", _on_items("delete")),
    "--add-class": Option("NAME", True, "add classes without pictures", _on_classes("add_class")),
    "--remove-class": Option(
        "NAME", True, "remove classes with their pictures", _on_classes("remove_class")
    ),
    "--rename": Option("OLD=NEW", True, "rename classes", _rename),
    "--merge": Option("A,B=C", False, "make one class of several", _merge),
    "--order": Option(
        "A,B,C",
        False,
        "put the classes in this order",
        lambda _, __, text: [{"do": "order_classes", "names": text.split(",")}],
    ),
    "--group-by": Option(
        "WAY",
        False,
        f"keep pictures of a group on one side of a split: by {GROUP_RULES}",
        lambda workspace, version, way: [
            {"do": "set_groups", "groups": group_by(workspace, version, way)}
        ],
    ),
    "--draw-test": Option("SEED", False, "draw another test set", _draw),
    "--split": Option("PICTURE=SPLIT", True, "decide a split: train, val, test or none", _split),
    "--edits": Option("FILE", False, "a JSON list of edits (-: from standard input)", _from_file),
}
