"""Presets: recommended training settings for a data set, model and level. Light: no torch."""

from typing import Any, Protocol

from ml.config import (
    DEFAULT_LEVEL,
    GRADIENT_SETTINGS,
    LEVELS,
    MOST_EFFORT,
    Level,
    TrainConfig,
)
from ml.data.pixels.pixels import PixelSpec
from ml.errors import BadInputError
from ml.models import catalog as model_catalog
from ml.models.registry import ModelInfo

MAX_SIDE_FOR_SMALL_CNN = 64
"""From this median side in px on a backbone is frozen; below, the small CNN may be trained."""
MIN_SIDE_OF_PHOTO, MAX_SMALL_PHOTOS = 32, 10_000
"""Coloured pictures from that side on are taken for photos, of which a frozen backbone knows more
than so many small ones teach."""
DEFAULT_FROZEN_MODEL = "efficientnet_lite0"
CLOSER_LOOK, MAX_PICTURES_FOR_CLOSER_LOOK = 288, 500
"""A frozen network sees more of a picture larger than it was trained on (Touvron et al. 2019,
"Fixing the train-test resolution discrepancy", https://arxiv.org/abs/1906.06423), for 1.6 times the
work. 0.3 to 1.4 points more on ants and bees, X-rays and waste, mean of 6 splits."""


class PictureStatistics(Protocol):
    """The statistics of a data set that presets use. Width and height are medians in px."""

    @property
    def pictures(self) -> int:
        """The number of pictures."""

    @property
    def width(self) -> int:
        """Median width."""

    @property
    def height(self) -> int:
        """Median height."""

    @property
    def colour(self) -> bool:
        """Whether any picture is coloured."""


HEAD = {"optimizer": "adamw", "learning_rate": 6e-3, "weight_decay": 1e-2, "batch_size": 64}
"""Chosen by validation accuracy on the bundled photos, mean over 5 split seeds."""
MIN_PICTURES_FOR_LARGE_HEAD_BATCH = 500
HEAD_LARGE_BATCH = HEAD | {"learning_rate": 9e-3, "batch_size": 128}
"""From that number of pictures on: the same accuracy in half as many steps."""
FINE_TUNING = {"optimizer": "adamw", "learning_rate": 3e-4, "weight_decay": 5e-2, "batch_size": 32}
MIN_PICTURES_PER_CLASS_FOR_ONE_TEST, FOLDS_FOR_FEW_PICTURES = 30, 5
"""With fewer pictures a class one test set is too small, so that many folds are fitted, too."""
ROBUST_EPOCH_FACTOR = 2
"""Robust augmentation multiplies the epochs: with the same epochs it would cost accuracy on clean
pictures. ``benchmarks.robustness`` compares both, also in equal epochs."""


def default_model(info: PictureStatistics) -> str:
    """The default model: a pretrained one for photos, small ones too unless they are many; the
    small CNN for digits, drawings and the like."""
    side = max(info.width, info.height)
    is_photo = info.colour and side >= MIN_SIDE_OF_PHOTO
    if side >= MAX_SIDE_FOR_SMALL_CNN:
        return DEFAULT_FROZEN_MODEL
    return DEFAULT_FROZEN_MODEL if is_photo and info.pictures <= MAX_SMALL_PHOTOS else "small_cnn"


def recommended_settings(
    info: PictureStatistics,
    model: str | None = None,
    preset: str = DEFAULT_LEVEL,
    *,
    pretrained: bool | None = None,
    freeze: bool | None = None,
    head: str = "regression",
) -> dict[str, Any]:
    """The recommended settings for a data set, a model (None: the default) and a level.

    Settings without a recommendation are missing. ``pretrained`` and ``freeze`` (None: as
    recommended) choose between three recipes: a new head on a frozen backbone, fine-tuning, and
    training from scratch. ``head`` is how a new head is fitted.

    Raises:
        BadInputError: there is no such model or level.
    """
    model_info = model_catalog.get(model or default_model(info))
    if preset not in LEVELS:
        raise BadInputError(f"preset is one of {', '.join(LEVELS)}, not {preset!r}.")
    level = LEVELS[preset]
    if pretrained is None:  # a download is never the default
        pretrained = model_info.pretrained and not model_info.download
    settings: dict[str, Any] = {"model": model_info.name, "preset": preset}
    freeze = True if freeze is None else freeze
    if _has_few_pictures(info) and (
        freeze or not pretrained
    ):  # five fine-tunings are never the default
        settings["folds"] = FOLDS_FOR_FEW_PICTURES
    if not pretrained:
        return settings | _from_scratch(info, model_info, level) | model_info.preset
    settings |= {
        "pretrained": True,
        "freeze_backbone": freeze,
        "image_size": model_info.native_size,
    }
    if freeze and head == "regression":
        settings["image_size"] = _size_of_frozen(info, model_info, preset)
        return settings | {"head": "regression", "epochs": level.penalties, "feature_views": 1}
    if freeze:
        is_small = info.pictures < MIN_PICTURES_FOR_LARGE_HEAD_BATCH
        steps = HEAD if is_small else HEAD_LARGE_BATCH
        return (
            settings | steps | {"epochs": level.tuning_epochs, "feature_views": level.feature_views}
        )
    return settings | FINE_TUNING | {"epochs": level.tuning_epochs, "schedule": "cosine"}


def configuration(dataset: str, info: PictureStatistics, **overrides: Any) -> TrainConfig:
    """The recommended settings with ``overrides`` on top.

    A picture size below the model's minimum becomes the minimum; see ``size_remark``.

    Raises:
        BadInputError: an unknown setting, a bad value, or weights that the model does not have.
    """
    requested = TrainConfig().changed(**overrides)  # text becomes the field's type
    head = requested.head if "head" in overrides else "regression"
    if "head" not in overrides and GRADIENT_SETTINGS & overrides.keys():
        head = "gradient"  # what was asked for would have no effect on a regression
    settings = recommended_settings(
        info,
        overrides.get("model"),
        requested.preset,
        pretrained=requested.pretrained if "pretrained" in overrides else None,
        freeze=requested.freeze_backbone if "freeze_backbone" in overrides else None,
        head=head,
    )
    recommended = TrainConfig(dataset=dataset).changed(**settings)
    if requested.augment == "robust" and recommended.frozen:  # but the first, the views are spoilt
        settings["feature_views"] = LEVELS[requested.preset].feature_views
    elif requested.augment == "robust":
        settings["epochs"] = ROBUST_EPOCH_FACTOR * recommended.epochs
    if requested.minutes:  # the time limit shortens the highest level
        most_effort = LEVELS[MOST_EFFORT]
        settings["epochs"] = (
            most_effort.tuning_epochs if recommended.pretrained else most_effort.scratch_epochs[1]
        )
        if recommended.regression:
            settings["epochs"] = most_effort.penalties
        elif "feature_views" in settings:
            settings["feature_views"] = most_effort.feature_views
    config = recommended.changed(**{**settings, **overrides})
    size = max(config.image_size, model_catalog.get(config.model).min_size)
    model_catalog.check(config.model, size, config.pretrained)
    return config.changed(image_size=size)


def default_pixels(info: PictureStatistics) -> PixelSpec:
    """The pixels that the default recipe for such pictures trains on."""
    config = configuration("", info)
    return PixelSpec(size=config.image_size, colour=config.colour, fit=config.fit)


def size_remark(requested_size: Any, config: TrainConfig) -> str:
    """The sentence for a requested picture size below the model's minimum, else ""."""
    if requested_size is None or int(requested_size) >= config.image_size:
        return ""
    label = model_catalog.get(config.model).label
    return f"Pictures are brought to {config.image_size} px, the least that {label} takes."


def _has_few_pictures(info: PictureStatistics) -> bool:
    """Whether a user's own data set has few pictures a class; false without counts."""
    counts = getattr(info, "counts", None)
    is_own = getattr(info, "kind", "") == "own"
    return bool(
        is_own and counts and info.pictures < MIN_PICTURES_PER_CLASS_FOR_ONE_TEST * len(counts)
    )


def _size_of_frozen(info: PictureStatistics, model_info: ModelInfo, preset: str) -> int:
    """The side in px at which a frozen network sees pictures: larger where they are few, or where
    there is time."""
    large = max(info.width, info.height) >= model_info.native_size
    affordable = info.pictures <= MAX_PICTURES_FOR_CLOSER_LOOK and preset != "quick"
    closer = model_info.name == DEFAULT_FROZEN_MODEL and large
    if closer and (affordable or preset == MOST_EFFORT):
        return CLOSER_LOOK
    return model_info.native_size


def _from_scratch(info: PictureStatistics, model_info: ModelInfo, level: Level) -> dict[str, Any]:
    # Whole multiples of 4 halve evenly; beyond 128 px a network from scratch gets slow on a CPU.
    side = 4 * round(max(info.width, info.height) / 4)
    batch = int(model_info.preset.get("batch_size", 64))
    epochs = round(level.scratch_steps * batch / max(1.0, 0.7 * info.pictures))
    least, most = level.scratch_epochs
    return {
        "image_size": min(max(side, 16, model_info.min_size), 128),
        "colour": "rgb" if info.colour else "grey",
        "augment": "light" if info.colour else "shift",
        "pretrained": False,
        "freeze_backbone": False,
        "epochs": min(max(epochs, least), most),
    }
