"""Readiness: whether a data set can be trained on, and what is missing, in plain words."""

import hashlib
from typing import NamedTuple

from dashboard.text.markdown import shortened
from ml.data.store.versions import DatasetVersion

MIN_PICTURES_PER_CLASS = 3
"""Pictures of a class: one each to train, to validate and to test."""
GOOD_PICTURES_PER_CLASS = 30
"""Fewer pictures than this in a class make a start, no more."""


class Gap(NamedTuple):
    """What is missing: a sentence, and the class it is about, empty where that is a new one."""

    sentence: str
    about: str = ""


def missing(version: DatasetVersion) -> list[Gap]:
    """What stands between the set and training; empty where it is ready."""
    gaps = []
    if len(version.classes) < 2:
        number = "a second class" if version.classes else "two classes"
        gaps.append(Gap(f"Add {number}: a classifier tells at least two kinds apart."))
    for name, pictures in version.counts.items():
        if pictures < MIN_PICTURES_PER_CLASS:
            state = (
                "has no picture"
                if not pictures
                else f"has {pictures} of {MIN_PICTURES_PER_CLASS} pictures"
            )
            gaps.append(Gap(f"{shortened(name, 60)} {state}.", name))
    return gaps


def class_key(version: DatasetVersion, name: str) -> str:
    """What a class is known by in keys and addresses; no name fits there as it is."""
    return hashlib.sha256(f"{version.name}/{name}".encode()).hexdigest()[:10] if name else "new"


def advice(version: DatasetVersion) -> str:
    """What would make a set that is ready better; else empty."""
    small_classes = [
        name for name, pictures in version.counts.items() if pictures < GOOD_PICTURES_PER_CLASS
    ]
    if not small_classes:
        return ""
    names = ", ".join(shortened(name, 40) for name in small_classes[:3]) + (
        f" and {len(small_classes) - 3} more" if len(small_classes) > 3 else ""
    )
    return (
        f"It can be trained. About {GOOD_PICTURES_PER_CLASS} pictures a class make it better: "
        f"{names}."
    )
