"""Item: a picture of a version, with its label, split, file name and group."""

from typing import NamedTuple

SPLITS = ("train", "val", "test")


class Item(NamedTuple):
    """One picture under one label.

    ``hash`` is the SHA-256 of the picture's file, ``label`` an index of the version's classes,
    ``split`` one of ``SPLITS`` or None while undecided, ``file`` the original name, ``group`` the
    person or scene whose pictures stay on one side of a split, ``notes`` what decoding changes. An
    ``excluded`` item stays in the set and is in no split.
    """

    hash: str
    label: int
    split: str | None = None
    file: str = ""
    group: str | None = None
    notes: tuple[str, ...] = ()
    excluded: bool = False
