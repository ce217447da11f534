"""What a search may change: settings with the range in which good values lie. Light: no torch."""

from dataclasses import dataclass, fields
from typing import Any

from ml.config import TrainConfig
from ml.errors import BadInputError

TIED = frozenset(
    {
        *("dataset", "model", "preset", "pretrained", "freeze_backbone", "unfreeze"),
        *("folds", "patience"),
    }
)
"""What makes another task or another recipe of it; each is a search of its own."""
GROUPS = ("Basics", "Model", "Data", "Optimisation")
"""Groups of settings that can make a model better. The others are about the machine and chance."""
RANGES: dict[str, tuple[float, float]] = {
    "weight_decay": (1e-5, 0.3),
    "label_smoothing": (0.0, 0.2),
    "momentum": (0.5, 0.99),
    "batch_size": (16, 256),
}
AROUND = {"learning_rate": 10.0, "epochs": 2.0}
"""Up to so many times the base's value, and down to one of so many parts of it."""
HALF = 2.0
"""The same for whole numbers of which nothing else is known."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "augment": ("none", "shift", "light", "strong", "trivialaugment")
}
USUAL_FROZEN = ("learning_rate", "weight_decay", "label_smoothing", "batch_size", "epochs")
USUAL = ("learning_rate", "weight_decay", "label_smoothing", "batch_size", "augment")


@dataclass(frozen=True)
class Axis:
    """One setting that is searched: its ``choices``, or from ``low`` to ``high``.

    ``log`` draws it on a logarithmic scale; ``whole`` takes whole numbers alone.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A dictionary that JSON can say."""
        return {**vars(self), "choices": list(self.choices)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Axis":
        """What ``to_json`` wrote."""
        return cls(**{**content, "choices": tuple(content["choices"])})


def axis_of(base: TrainConfig, name: str) -> Axis:
    """The axis of a setting, around its value in ``base``, which always lies on it.

    Raises:
        BadInputError: there is no such setting, or it cannot be searched with this recipe.
    """
    item = next((item for item in fields(TrainConfig) if item.name == name), None)
    if item is None or name not in searchable(base):
        raise BadInputError(
            f"{name} cannot be searched here. What can: {', '.join(searchable(base))}."
        )
    value, about = getattr(base, name), item.metadata
    if isinstance(value, bool):
        return Axis(name, choices=(False, True))
    if about["choices"]:
        known = CHOICES.get(name, about["choices"])
        return Axis(name, choices=tuple(known) if value in known else (*known, value))
    low, high = float(about["low"]), float(about["high"])
    whole = isinstance(value, int)
    if name in RANGES:
        low, high = RANGES[name]
    elif name in AROUND or whole:
        times = AROUND.get(name, HALF)
        low, high = max(low, value / times), min(high, value * times)
    low, high = min(low, value), max(high, value)
    if whole:
        low, high = float(max(int(about["low"]), int(low))), float(round(high))
    return Axis(name, low, high, bool(about["log"] or name == "batch_size") and low > 0, whole)


def searchable(base: TrainConfig) -> list[str]:
    """The settings that can be searched from ``base``, in the order of the form."""
    without = set(TIED)
    # With a frozen backbone the pictures are seen in fixed views.
    without |= {"augment", "mixing"} if base.frozen else {"feature_views"}
    if base.frozen or not base.pretrained:
        without.add("layer_decay")
    if base.optimizer != "sgd":
        without.add("momentum")
    return [
        item.name
        for item in fields(TrainConfig)
        if item.metadata["group"] in GROUPS and item.name not in without
    ]


def usual(base: TrainConfig) -> list[str]:
    """The settings that are searched where nobody chooses: those that decide most."""
    names = USUAL_FROZEN if base.frozen else USUAL
    return [name for name in names if name in searchable(base)]
