"""Whether a classifier can be measured on a data set: by the names of its classes. Light."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.data.catalog import DatasetInfo
from ml.text.format import listed


@dataclass(frozen=True)
class Fit:
    """How a data set fits a model. ``pictures`` are of a class that the model knows, ``left_out``
    are not, ``common`` and ``strange`` are the classes of either kind. ``reason`` says in a
    sentence why it cannot be measured on; it is empty where it can."""

    name: str
    title: str
    pictures: int
    left_out: int
    common: tuple[str, ...]
    strange: tuple[str, ...]
    reason: str = ""


def fit(classes: Sequence[str], info: DatasetInfo) -> Fit:
    """How the set fits a model of these classes. Classes are the same where their names are."""
    known = set(classes)
    common = tuple(name for name in info.classes if name in known and info.counts.get(name))
    strange = tuple(name for name in info.classes if name not in known)
    pictures = sum(info.counts[name] for name in common)
    left_out = sum(info.counts.get(name, 0) for name in strange)
    reason = ""
    if not info.pictures:
        reason = "It has no pictures."
    elif not common:
        here, known_there = listed(info.classes) or "nothing", listed(classes) or "nothing"
        reason = f"It has {here}, the model knows {known_there}: no class in common."
        folded = {name.casefold(): name for name in classes}
        near = next((name for name in info.classes if name.casefold() in folded), None)
        if near is not None:
            reason += (
                f" {near} and {folded[near.casefold()]} count as two: rename one of them on Data."
            )
    return Fit(info.name, info.title, pictures, left_out, common, strange, reason)
