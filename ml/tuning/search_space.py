"""The search space: which settings a search varies, and in which range. Light: no torch."""

from dataclasses import dataclass, fields
from typing import Any

from ml.config import GRADIENT_SETTINGS, TrainConfig
from ml.errors import BadInputError

NEVER_SEARCHED = frozenset(
    {
        *("dataset", "model", "preset", "pretrained", "freeze_backbone", "unfreeze"),
        *("head", "folds", "patience"),
    }
)
"""Settings that define another task or recipe, which needs a search of its own."""
SEARCHED_GROUPS = ("Basics", "Model", "Data", "Optimisation")
"""Groups of settings that affect accuracy. The other groups concern the machine and the seed."""
RANGES: dict[str, tuple[float, float]] = {
    "weight_decay": (1e-5, 0.3),
    "label_smoothing": (0.0, 0.2),
    "momentum": (0.5, 0.99),
    "batch_size": (16, 256),
}
FACTOR_AROUND_BASE = {"learning_rate": 10.0, "epochs": 2.0}
"""The range reaches from the base's value divided by this factor to the value times it."""
DEFAULT_FACTOR = 2.0
"""The factor for all other integers."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "augment": ("none", "shift", "light", "strong", "trivialaugment")
}
DEFAULT_FIELDS_REGRESSION = ("image_size", "fit", "feature_views")
DEFAULT_FIELDS_FROZEN = ("learning_rate", "weight_decay", "label_smoothing", "batch_size", "epochs")
DEFAULT_FIELDS = ("learning_rate", "weight_decay", "label_smoothing", "batch_size", "augment")


@dataclass(frozen=True)
class Axis:
    """One dimension of the search space: a setting with its ``choices``, or ``low`` to ``high``.

    ``log`` makes the scale logarithmic; ``whole`` restricts it to integers.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The axis as a JSON object."""
        return {**vars(self), "choices": list(self.choices)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Axis":
        """The axis that ``to_json`` wrote."""
        known = {name: value for name, value in content.items() if name in cls.__annotations__}
        return cls(**{**known, "choices": tuple(content.get("choices", ()))})


def axis_of(base: TrainConfig, name: str) -> Axis:
    """The axis of setting ``name``. Its range always includes the value in ``base``.

    Raises:
        BadInputError: there is no such setting, or it cannot be searched with this recipe.
    """
    setting = next((setting for setting in fields(TrainConfig) if setting.name == name), None)
    if setting is None or name not in searchable(base):
        raise BadInputError(
            f"{name} cannot be searched here. What can: {', '.join(searchable(base))}."
        )
    value, metadata = getattr(base, name), setting.metadata
    if isinstance(value, bool):
        return Axis(name, choices=(False, True))
    if metadata["choices"]:
        choices = CHOICES.get(name, metadata["choices"])
        return Axis(name, choices=tuple(choices) if value in choices else (*choices, value))
    low, high = float(metadata["low"]), float(metadata["high"])
    is_integer = isinstance(value, int)
    if name in RANGES:
        low, high = RANGES[name]
    elif name in FACTOR_AROUND_BASE or is_integer:
        factor = FACTOR_AROUND_BASE.get(name, DEFAULT_FACTOR)
        low, high = max(low, value / factor), min(high, value * factor)
    low, high = min(low, value), max(high, value)
    if is_integer:
        low, high = float(max(int(metadata["low"]), int(low))), float(round(high))
    return Axis(
        name, low, high, bool(metadata["log"] or name == "batch_size") and low > 0, is_integer
    )


def searchable(base: TrainConfig) -> list[str]:
    """The settings that can be searched from ``base``, in the order of the form."""
    excluded = set(NEVER_SEARCHED)
    # A frozen backbone sees fixed views: feature_views takes the place of augmentation.
    excluded |= {"augment", "mixing"} if base.frozen else {"feature_views"}
    if base.regression:
        excluded |= GRADIENT_SETTINGS | {"epochs"}
    if base.frozen or not base.pretrained:
        excluded.add("layer_decay")
    if base.optimizer != "sgd":
        excluded.add("momentum")
    return [
        item.name
        for item in fields(TrainConfig)
        if item.metadata["group"] in SEARCHED_GROUPS and item.name not in excluded
    ]


def default_fields(base: TrainConfig) -> list[str]:
    """The settings that a search varies by default: those that affect accuracy most."""
    names: tuple[str, ...] = DEFAULT_FIELDS_FROZEN if base.frozen else DEFAULT_FIELDS
    if base.regression:
        names = DEFAULT_FIELDS_REGRESSION
    return [name for name in names if name in searchable(base)]
