"""Listing: the classes and pictures of a source before decoding, and the registry of loaders."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ml.data.pixels.pixels import Facts

LAYOUT = (
    "A folder with one folder of pictures for each class is needed, such as pets/cat and "
    "pets/dog; they may stand in train, val and test folders."
)
DRAWING = """pets
  cat
    1.jpg
    2.jpg
  dog
    1.jpg
    2.jpg"""
"""``LAYOUT``, drawn."""


@dataclass(frozen=True)
class Candidate:
    """A picture that may be taken in. ``read`` gives its bytes; ``facts`` where known already."""

    file: str
    label: str
    split: str | None
    read: Callable[[], bytes]
    group: str | None = None
    facts: Facts | None = None


def _nothing() -> None:
    """What a source that holds nothing open does at its end."""


@dataclass(frozen=True)
class Listing:
    """What a source holds: ``classes`` in order, ``count`` candidates, the files ``refused`` at
    sight with their reasons, and ``about`` (title, description, licence where there are such).

    ``close`` is called once everything has been read. ``mark`` is the folder's ``signature`` where
    it was found on the way.
    """

    classes: tuple[str, ...]
    count: int
    candidates: Iterator[Candidate]
    refused: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    close: Callable[[], None] = _nothing
    mark: str = ""


Loader = Callable[[Path], Listing | None]
SOURCES: dict[str, Loader] = {}


def source(name: str, *, first: bool = False) -> Callable[[Loader], Loader]:
    """Register a loader. It decodes nothing, and returns None for a layout that is not its own.

    ``first`` is for a layout so particular that it is looked for before the others.
    """

    def register(loader: Loader) -> Loader:
        others = {key: value for key, value in SOURCES.items() if key != name}
        ordered = {name: loader, **others} if first else {**others, name: loader}
        SOURCES.clear()
        SOURCES.update(ordered)
        return loader

    return register


def under_one_label(listing: Listing, label: str) -> Listing:
    """The same pictures, all of the class ``label`` and of no split."""
    candidates = (replace(one, label=label, split=None) for one in listing.candidates)
    return replace(listing, classes=(label,), candidates=candidates)


def shown(about: dict[str, Any]) -> dict[str, Any]:
    """What of an ``about.json`` a page shows."""
    keys = ("title", "description", "licence")
    return {key: about[key] for key in keys if isinstance(about.get(key), str)}
