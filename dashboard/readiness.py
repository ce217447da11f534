"""Whether a data set can be trained on, and if not, what is missing, in plain words."""

from dashboard.text import shortened
from ml.data.store import DatasetVersion

LEAST = 3
"""Pictures of a class: one each to train, to validate and to test."""
FEW = 30
"""Fewer pictures than this in a class make a start, no more."""


def missing(version: DatasetVersion) -> list[str]:
    """What stands between the set and training, a sentence each; empty where it is ready."""
    told = []
    if len(version.classes) < 2:
        number = "a second class" if version.classes else "two classes"
        told.append(f"Add {number}: a classifier tells at least two kinds apart.")
    for name, pictures in version.counts.items():
        if pictures < LEAST:
            has = "has no picture" if not pictures else f"has {pictures} of {LEAST} pictures"
            told.append(f"{shortened(name, 60)} {has}.")
    return told


def advice(version: DatasetVersion) -> str:
    """What would make a set that is ready better; else empty."""
    few = [name for name, pictures in version.counts.items() if pictures < FEW]
    if not few:
        return ""
    named = ", ".join(shortened(name, 40) for name in few[:3]) + (
        f" and {len(few) - 3} more" if len(few) > 3 else ""
    )
    return f"It can be trained. About {FEW} pictures a class make it better: {named}."
