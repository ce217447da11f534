"""Types of the JSON files of a data set, against which they are read."""

from typing import NotRequired, TypedDict

from ml.utils.typed_json import Count, Moment


class About(TypedDict):
    """Pictures of a version: medians of their size, whether any has colours, bytes of all."""

    width: Count
    height: Count
    colour: bool
    bytes: Count


class Source(TypedDict, total=False):
    """Where pictures come from, and what changes with what is there."""

    path: str
    signature: str


class Summary(TypedDict):
    """``<version>.summary.json``: what a page shows of a version."""

    name: str
    version: Count
    fingerprint: str
    classes: dict[str, Count]
    about: About
    source: NotRequired[Source | None]
    excluded: NotRequired[Count]
    time: NotRequired[Moment]
    parent: NotRequired[Count]
    change: NotRequired[str]


class IngestReport(TypedDict):
    """``<version>.report.json``: what an ingest refused, changed and noted."""

    refused: list[dict[str, str]]
    notes: list[str]
    changed: NotRequired[list[dict[str, str]]]
