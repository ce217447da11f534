"""Complete recipes chosen from the data: the first run needs no choice at all. Light: no torch."""

from typing import Any, Protocol

from ml.config import TrainConfig
from ml.data.pixels.pixels import PixelSpec
from ml.errors import BadInputError
from ml.models import catalog as model_catalog
from ml.models.registry import ModelInfo
from ml.preset_levels import DEFAULT_LEVEL, LEVELS, MOST_EFFORT, Level

SMALL = 64
"""Pictures whose longer side is below this are learned from scratch, larger ones from features."""


class Pictures(Protocol):
    """What is asked about a data set. Width and height are medians, in px."""

    @property
    def pictures(self) -> int:
        """How many there are."""

    @property
    def width(self) -> int:
        """Median width."""

    @property
    def height(self) -> int:
        """Median height."""

    @property
    def colour(self) -> bool:
        """Whether any of them is coloured."""


HEAD = {"optimizer": "adamw", "learning_rate": 6e-3, "weight_decay": 1e-2, "batch_size": 64}
"""Chosen by validation accuracy on the bundled photos, mean over 5 split seeds."""
MANY = 500
MANY_HEAD = HEAD | {"learning_rate": 9e-3, "batch_size": 128}
"""From so many pictures on: as good, in half as many steps."""
FINE_TUNING = {"optimizer": "adamw", "learning_rate": 3e-4, "weight_decay": 5e-2, "batch_size": 32}
FEW, FOLDS = 30, 5
"""With fewer pictures of a class than this, one test tells little: so many folds are fitted too."""
ROBUST_EPOCHS = 2
"""Spoilt pictures take longer to learn: in as many epochs as without, the pictures as they are lose
accuracy. ``benchmarks.robustness`` compares both ways, also in equal epochs."""


def default_model(info: Pictures) -> str:
    """A pretrained network for photos, a small one of its own for small pictures."""
    return "small_cnn" if max(info.width, info.height) < SMALL else "efficientnet_lite0"


def suggest(
    info: Pictures,
    model: str | None = None,
    preset: str = DEFAULT_LEVEL,
    *,
    pretrained: bool | None = None,
    freeze: bool | None = None,
) -> dict[str, Any]:
    """The settings for this data, this model (None: the default) and this level of effort.

    Fields that are not named keep their default. ``pretrained`` and ``freeze`` (None: as the model
    is best started here) decide between three recipes: a new head on a frozen backbone, fine-tuning
    of everything, training from scratch.

    Raises:
        BadInputError: no such model or level.
    """
    chosen = model_catalog.get(model or default_model(info))
    if preset not in LEVELS:
        raise BadInputError(f"preset is one of {', '.join(LEVELS)}, not {preset!r}.")
    level = LEVELS[preset]
    if pretrained is None:  # weights that need a download are a choice, not a default
        pretrained = chosen.pretrained and not chosen.download
    settings: dict[str, Any] = {"model": chosen.name, "preset": preset}
    freeze = True if freeze is None else freeze
    if _is_small(info) and (freeze or not pretrained):  # to fine-tune five times over is a choice
        settings["folds"] = FOLDS
    if not pretrained:
        return settings | _from_scratch(info, chosen, level) | chosen.preset
    settings |= {"pretrained": True, "freeze_backbone": freeze, "image_size": chosen.native_size}
    if freeze:
        head = HEAD if info.pictures < MANY else MANY_HEAD
        return settings | head | {"epochs": level.head_epochs, "feature_views": level.feature_views}
    return settings | FINE_TUNING | {"epochs": level.head_epochs, "schedule": "cosine"}


def configuration(dataset: str, info: Pictures, **wanted: Any) -> TrainConfig:
    """The configuration of ``suggest`` with what was asked for on top.

    Pictures smaller than the model takes are brought to the least size; see ``size_remark``.

    Raises:
        BadInputError: an unknown setting, a bad value, or weights that the model does not have.
    """
    asked = TrainConfig().changed(**wanted)  # text becomes the field's type
    settings = suggest(
        info,
        wanted.get("model"),
        asked.preset,
        pretrained=asked.pretrained if "pretrained" in wanted else None,
        freeze=asked.freeze_backbone if "freeze_backbone" in wanted else None,
    )
    chosen = TrainConfig(dataset=dataset).changed(**settings)
    if asked.augment == "robust" and not chosen.frozen:
        settings["epochs"] = ROBUST_EPOCHS * chosen.epochs
    if asked.minutes:  # as much as the most patient would want; the time cuts it down
        most = LEVELS[MOST_EFFORT]
        settings["epochs"] = most.head_epochs if chosen.pretrained else most.scratch_epochs[1]
        if "feature_views" in settings:
            settings["feature_views"] = most.feature_views
    config = chosen.changed(**{**settings, **wanted})
    size = max(config.image_size, model_catalog.get(config.model).min_size)
    model_catalog.check(config.model, size, config.pretrained)
    return config.changed(image_size=size)


def default_pixels(info: Pictures) -> PixelSpec:
    """The pixels that the default recipe for such pictures trains on."""
    config = configuration("", info)
    return PixelSpec(size=config.image_size, colour=config.colour, fit=config.fit)


def size_remark(asked: Any, config: TrainConfig) -> str:
    """What to say where smaller pictures were asked for than the model takes, else nothing."""
    if asked is None or int(asked) >= config.image_size:
        return ""
    label = model_catalog.get(config.model).label
    return f"Pictures are brought to {config.image_size} px, the least that {label} takes."


def _is_small(info: Pictures) -> bool:
    """Whether these are pictures of one's own, few of each class. Who does not tell has many."""
    counts = getattr(info, "counts", None)
    own = getattr(info, "kind", "") == "own"
    return bool(own and counts and info.pictures < FEW * len(counts))


def _from_scratch(info: Pictures, chosen: ModelInfo, level: Level) -> dict[str, Any]:
    # Whole multiples of 4 halve evenly; beyond 128 px a network from scratch gets slow on a CPU.
    side = 4 * round(max(info.width, info.height) / 4)
    batch = int(chosen.preset.get("batch_size", 64))
    epochs = round(level.scratch_steps * batch / max(1.0, 0.7 * info.pictures))
    least, most = level.scratch_epochs
    return {
        "image_size": min(max(side, 16, chosen.min_size), 128),
        "colour": "rgb" if info.colour else "grey",
        "augment": "light" if info.colour else "shift",
        "pretrained": False,
        "freeze_backbone": False,
        "epochs": min(max(epochs, least), most),
    }
