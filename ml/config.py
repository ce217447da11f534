"""``TrainConfig``: everything that decides how a run trains.

One field is one hyper-parameter, with its label, help, group and range in the field's metadata: the
form on the page, the command line and the documentation follow from it. This module is light.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ml.errors import BadInputError
from ml.utils.dataclass_fields import converted, described

CONFIG_VERSION = 1


@dataclass(frozen=True)
class Level:
    """A preset level: what it sets, by how a network is trained.

    Args:
        penalties: of a new head on a frozen backbone that are tried, from strong to weak.
        tuning_epochs: of fine-tuning, and of a head that is trained by gradient steps.
        feature_views: of each picture that such a head learns from.
        scratch_steps: optimizer steps from scratch: some thousand, whatever the number of pictures.
        scratch_epochs: the fewest and the most epochs from scratch.
    """

    penalties: int
    tuning_epochs: int
    feature_views: int
    scratch_steps: int
    scratch_epochs: tuple[int, int]


LEVELS = {
    "quick": Level(
        penalties=5, tuning_epochs=5, feature_views=1, scratch_steps=400, scratch_epochs=(2, 10)
    ),
    "balanced": Level(
        penalties=10, tuning_epochs=10, feature_views=4, scratch_steps=2000, scratch_epochs=(8, 30)
    ),
    "thorough": Level(
        penalties=20,
        tuning_epochs=30,
        feature_views=8,
        scratch_steps=16_000,
        scratch_epochs=(20, 80),
    ),
}
"""From the least effort to the most."""
DEFAULT_LEVEL = "balanced"
MOST_EFFORT = list(LEVELS)[-1]
GRADIENT_SETTINGS = frozenset(
    {
        *("optimizer", "learning_rate", "momentum", "weight_decay", "batch_size", "schedule"),
        *("warm_up", "accumulate", "clip_norm", "average", "label_smoothing", "patience"),
    }
)
"""Settings of training by gradient steps; a head that is fitted by regression has none of them."""


@dataclass(frozen=True)
class TrainConfig:
    """A validated training configuration.

    Raises:
        BadInputError: at construction, when a value has the wrong type or is out of its range.

    >>> TrainConfig(dataset="hands", model="small_cnn", epochs=3).epochs
    3
    """

    dataset: str = described("", "Data set", "The pictures to learn from.", "Basics")
    model: str = described(
        "efficientnet_lite0", "Model", "The network that learns. See the models list.", "Basics"
    )
    preset: str = described(
        DEFAULT_LEVEL,
        "Preset",
        "Quick gives a first answer, balanced is the usual choice, thorough takes its time.",
        "Basics",
        choices=tuple(LEVELS),
    )
    epochs: int = described(
        10,
        "Epochs",
        "How many times the model sees every training picture.",
        "Basics",
        low=1,
        high=1000,
    )
    minutes: float = described(
        0.0,
        "Time limit",
        "How long the whole training may take, until the model is ready to use. As many epochs as "
        "fit into it are planned from the speed of this computer, so that the schedule of the "
        "learning rate comes to its end in time. 0 is without a limit.",
        "Basics",
        low=0.0,
        high=100_000.0,
        unit="min",
    )
    pretrained: bool = described(
        True,
        "Start from a pretrained model",
        "Starts from weights learned on a million photos instead of from nothing.",
        "Model",
    )
    freeze_backbone: bool = described(
        True,
        "Train the last layer only",
        "Keeps the pretrained part as it is, computes its features once, and trains what is "
        "on top: fast, and best for few pictures.",
        "Model",
    )
    head: str = described(
        "gradient",
        "How the last layer is fitted",
        "Where only the last layer is trained. Regression finds the best linear layer there is "
        "(logistic regression); how strongly it is held back is chosen by cross-validation, and "
        "the validation pictures teach as well. Gradient takes small steps, as for a whole "
        "network.",
        "Model",
        choices=("regression", "gradient"),
    )
    unfreeze: str = described(
        "all",
        "Unfreezing",
        "How a pretrained model is trained on as a whole: all of it from the start, or gradually: "
        "a new last layer first, then one part more at a time, from the top down. Not where only "
        "the last layer is trained.",
        "Model",
        choices=("all", "gradual"),
    )
    layer_decay: float = described(
        1.0,
        "Rate of lower parts",
        "Each part of a pretrained model learns at this share of the rate of the part above it: "
        "what it saw at the bottom, edges and colours, needs to change least. 1 is all alike.",
        "Model",
        low=0.1,
        high=1.0,
    )
    feature_views: int = described(
        2,
        "Views of each picture",
        "How many versions of each picture a frozen model sees: 1 is the picture itself, "
        "2 adds its mirror image, more add random crops. With robust augmentation all but the "
        "first are made worse.",
        "Model",
        low=1,
        high=16,
    )
    batch_norm: bool = described(
        True,
        "Batch normalisation",
        "Brings what each layer passes on to one scale, so that the learning rate can be high. "
        "Switch it off to see what it does. Of the models, Small CNN alone can do without.",
        "Model",
    )
    image_size: int = described(
        224,
        "Picture size",
        "Pictures are brought to a square of this side. Larger shows more detail and takes longer.",
        "Data",
        low=8,
        high=640,
        unit="px",
    )
    colour: str = described(
        "rgb", "Colour", "Whether the model sees colours.", "Data", choices=("rgb", "grey")
    )
    fit: str = described(
        "crop",
        "Fit",
        "How a picture that is not square becomes one: cut at its middle, or squeezed.",
        "Data",
        choices=("crop", "squeeze"),
    )
    augment: str = described(
        "light",
        "Augmentation",
        "Random changes that show the model each picture a little differently every time. "
        "Shift moves it, light also mirrors it, strong also changes scale and colour and erases "
        "a part. The others suit a kind of picture, or draw the changes by lot: Data shows them. "
        "A model of which only the last layer is trained sees fixed views instead, which robust "
        "makes worse.",
        "Data",
        choices=(
            *("none", "shift", "light", "strong", "photos", "documents", "medical", "aerial"),
            *("randaugment", "trivialaugment", "robust"),
        ),
    )
    mixing: str = described(
        "none",
        "Mixing",
        "Shows two pictures in one, and asks how much there is of each: MixUp lays one faintly "
        "over the other, CutMix puts a part of one into the other. Against overfitting in long "
        "trainings; accuracy on the training pictures then looks lower than it is. Not where only "
        "the last layer is trained.",
        "Data",
        choices=("none", "mixup", "cutmix"),
    )
    folds: int = described(
        0,
        "Folds",
        "Trains again on all but one part of the pictures, each part in turn, and tells how much "
        "the accuracy varies. For small sets. The test pictures take no part; 0 leaves it out.",
        "Data",
        choices=(0, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    )
    optimizer: str = described(
        "adamw",
        "Optimizer",
        "The rule by which the weights are changed: SGD with momentum, AdamW, or Muon, which gives "
        "the changes of a layer equal strength in all directions.",
        "Optimisation",
        choices=("sgd", "adamw", "muon"),
    )
    learning_rate: float = described(
        1e-3,
        "Learning rate",
        "How big each change of the weights is. Too high and it never settles, too low and it "
        "takes forever.",
        "Optimisation",
        low=1e-6,
        high=10.0,
        log=True,
    )
    momentum: float = described(
        0.9,
        "Momentum",
        "How much of the last change is carried into the next (SGD only).",
        "Optimisation",
        low=0.0,
        high=0.999,
    )
    weight_decay: float = described(
        1e-4,
        "Weight decay",
        "Pulls the weights towards zero, against overfitting.",
        "Optimisation",
        low=0.0,
        high=1.0,
        log=True,
    )
    batch_size: int = described(
        64,
        "Batch size",
        "How many pictures are looked at before each change of the weights.",
        "Optimisation",
        low=1,
        high=4096,
    )
    schedule: str = described(
        "onecycle",
        "Schedule",
        "How the learning rate moves during training: stays, falls, or rises first and then falls.",
        "Optimisation",
        choices=("constant", "cosine", "onecycle"),
    )
    warm_up: float = described(
        -1.0,
        "Warm up",
        "The share of all steps in which the learning rate rises. -1 leaves it to the schedule: a "
        "quarter for onecycle, 3 % for cosine, none for constant.",
        "Optimisation",
        low=-1.0,
        high=0.9,
    )
    accumulate: int = described(
        1,
        "Batches per change",
        "Adds up what so many batches say before the weights are changed: as a batch so many times "
        "as large, where the memory is too small for it.",
        "Optimisation",
        low=1,
        high=256,
    )
    clip_norm: float = described(
        0.0,
        "Largest change",
        "Shortens the gradient to this length where it is longer, so that one odd batch cannot "
        "throw the model off. 0 leaves it as it is.",
        "Optimisation",
        low=0.0,
        high=1000.0,
    )
    average: str = described(
        "none",
        "Averaged weights",
        "Keeps an average of the weights and judges and ships that: of the last steps (ema), "
        "or of the last quarter of training (swa), in which the learning rate then stays higher.",
        "Optimisation",
        choices=("none", "ema", "swa"),
    )
    balance: str = described(
        "none",
        "Balance classes",
        "For classes of unequal size: weights lets pictures of small classes count more, sampling "
        "shows each class equally often. Finds more of the small classes, often for some accuracy "
        "on the large ones.",
        "Data",
        choices=("none", "weights", "sampling"),
    )
    label_smoothing: float = described(
        0.0,
        "Label smoothing",
        "Keeps the model from being too sure of itself.",
        "Optimisation",
        low=0.0,
        high=0.5,
    )
    patience: int = described(
        0,
        "Stop early after",
        "Stops when validation has not improved for this many epochs. 0 never stops early.",
        "Optimisation",
        low=0,
        high=1000,
        unit="epochs",
    )
    seed: int = described(
        0,
        "Training seed",
        "The same seed gives the same training on the same machine.",
        "Reproducibility",
        low=0,
        high=2**31 - 1,
    )
    split_seed: int = described(
        0,
        "Split seed",
        "Decides which pictures are kept for validation and test.",
        "Reproducibility",
        low=0,
        high=2**31 - 1,
    )
    device: str = described(
        "auto",
        "Device",
        "Where to compute. Auto takes a graphics card where there is one.",
        "Machine",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    devices: int = described(
        1,
        "Devices",
        "How many graphics cards share the work; on a CPU, how many processes. Each batch is "
        "divided among them, and what is learned is the same. One process already uses all cores.",
        "Machine",
        low=1,
        high=128,
    )
    num_nodes: int = described(
        1,
        "Computers",
        "How many computers share the work, each with that many devices. The same command is "
        "started on each of them, in a workspace that all of them see.",
        "Machine",
        low=1,
        high=1024,
        shell=True,
    )
    strategy: str = described(
        "auto",
        "Strategy",
        "How devices share the work. DDP gives each the whole network, FSDP a part of it: for "
        "networks too large for one graphics card. Auto is DDP where there are several devices.",
        "Machine",
        choices=("auto", "ddp", "fsdp"),
    )
    precision: str = described(
        "auto",
        "Precision",
        "Auto measures once whether 16-bit arithmetic is faster here, and uses it if so.",
        "Machine",
        choices=("auto", "32", "bf16"),
    )
    threads: int = described(
        0,
        "CPU threads",
        "0 takes all cores, or all but one when the page is open.",
        "Machine",
        low=0,
        high=1024,
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, converted(item, getattr(self, item.name)))

    @property
    def frozen(self) -> bool:
        """Whether a new head on a frozen backbone is all that is trained."""
        return self.freeze_backbone and self.pretrained

    @property
    def regression(self) -> bool:
        """Whether that head is fitted exactly, by logistic regression."""
        return self.frozen and self.head == "regression"

    @property
    def way(self) -> str:
        """``frozen`` (a new head alone), ``gradual`` or ``full`` fine-tuning, or ``scratch``."""
        if not self.pretrained:
            return "scratch"
        if self.freeze_backbone:
            return "frozen"
        return "gradual" if self.unfreeze == "gradual" else "full"

    def changed(self, /, **values: Any) -> "TrainConfig":
        """A copy with some fields changed. Text is converted: ``changed(epochs="5")``.

        Raises:
            BadInputError: an unknown field, or a value that does not fit it.
        """
        names = {item.name for item in fields(self)}
        for name in values:
            if name not in names:
                raise BadInputError(
                    f"There is no setting named {name}. The settings are: {', '.join(names_of())}."
                )
        return replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that JSON can say, with the version of its form."""
        return {"version": CONFIG_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, content: Any) -> "TrainConfig":
        """The configuration that ``to_json`` wrote; fields it does not have take their default.

        Raises:
            BadInputError: not such a dictionary, of a newer version, or with bad values.
        """
        if not isinstance(content, dict):
            raise BadInputError("A configuration is a JSON object of settings and values.")
        version = content.get("version", CONFIG_VERSION)
        if not isinstance(version, int) or version > CONFIG_VERSION:
            raise BadInputError(
                f"This configuration has version {version}, and this Lensmith knows up to "
                f"{CONFIG_VERSION}. Update Lensmith to use it."
            )
        return cls().changed(**{key: value for key, value in content.items() if key != "version"})


def names_of() -> list[str]:
    """The names of all settings, in the order of the form."""
    return [item.name for item in fields(TrainConfig)]
