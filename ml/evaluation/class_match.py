"""Class match: whether a classifier can be measured on a data set, by the names of its classes.
Light."""

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
    model_classes = set(classes)
    common = tuple(name for name in info.classes if name in model_classes and info.counts.get(name))
    unknown = tuple(name for name in info.classes if name not in model_classes)
    pictures = sum(info.counts[name] for name in common)
    left_out = sum(info.counts.get(name, 0) for name in unknown)
    reason = ""
    if not info.pictures:
        reason = "It has no pictures."
    elif not common:
        set_classes, model_names = listed(info.classes) or "nothing", listed(classes) or "nothing"
        reason = f"It has {set_classes}, the model knows {model_names}: no class in common."
        folded = {name.casefold(): name for name in classes}
        similar_name = next((name for name in info.classes if name.casefold() in folded), None)
        if similar_name is not None:
            reason += (
                f" {similar_name} and {folded[similar_name.casefold()]} count as two: rename one "
                "of them on Data."
            )
    return Fit(info.name, info.title, pictures, left_out, common, unknown, reason)
