"""What a version says of a picture."""

from typing import NamedTuple

SPLITS = ("train", "val", "test")


class Item(NamedTuple):
    """One picture under one label.

    ``hash`` names the picture, ``label`` indexes the version's classes, ``split`` is one of
    ``SPLITS`` where it is decided, ``file`` the original name, ``group`` what must stay on one side
    of a split (a person, a scene), ``notes`` what decoding changes about it. An ``excluded`` one
    stays in the set and is in no split.
    """

    hash: str
    label: int
    split: str | None = None
    file: str = ""
    group: str | None = None
    notes: tuple[str, ...] = ()
    excluded: bool = False
