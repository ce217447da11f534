"""Types of the JSON files in a run folder and in a search's, against which they are read.

What each file means is in ``docs/run-folder.md``. Whatever a page or a command takes out of a file
by name has its type here; older versions lack some keys, so hardly any is required.
"""

from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

from ml.utils.typed_json import Between, Count, Moment, Seconds, Share

Interval = tuple[Share, Share]


class Resume(TypedDict):
    """Asks for a run to go on, in ``meta.json``."""

    asked: Moment
    epochs: NotRequired[Annotated[int, Between(1, 100_000)] | None]


class Refused(TypedDict):
    """Why a queued run could not be started, in ``meta.json``."""

    asked: Moment
    reason: str


class Meta(TypedDict, total=False):
    """``meta.json``: what people and pages say of a run."""

    name: str | None
    tags: list[str]
    notes: str | None
    parent: str | None
    created: Moment
    resume: Resume | None
    refused: Refused | None
    sweep: str | None
    showcase: dict[str, Any]


class Worker(TypedDict, total=False):
    """``worker.json``: the process that has a run or a search."""

    pid: Annotated[int, Between(1, 2**31)]
    started: Moment
    host: str
    claimed: Moment
    asked: Moment
    log_size: Count
    command: list[str]
    platform: str


class About(TypedDict, total=False):
    """Pictures of a data set: medians of their size, whether any has colours, bytes of all."""

    width: Count
    height: Count
    colour: bool
    bytes: Count


class Splits(TypedDict):
    """The items of each side."""

    train: list[Count]
    val: list[Count]
    test: list[Count]


class RunDataset(TypedDict, total=False):
    """``dataset.json``: which pictures a run learns from, and how they are split."""

    name: str
    version: Count
    fingerprint: str
    split_seed: Count
    classes: list[str]
    about: About
    counts: dict[str, Count]
    splits: Splits


class PerClass(TypedDict, total=False):
    """Figures of a class in a report."""

    precision: Share | None
    recall: Share | None
    f1: Share | None
    support: Count
    recall_interval: Interval | None
    roc_auc: Share | None
    average_precision: Share | None


class Bin(TypedDict):
    """A bin of a reliability diagram."""

    low: Share
    high: Share
    pictures: Count
    confidence: Share | None
    accuracy: Share | None
    interval: NotRequired[Interval]


class Groups(TypedDict, total=False):
    """How the pictures of a report come in groups, for which its intervals allow."""

    count: Count
    largest: Count
    effective_pictures: float


class Calibration(TypedDict, total=False):
    """How far off the probabilities are."""

    ece: float | None
    ece_before: float | None
    loss: float | None
    loss_before: float | None
    brier: float | None
    brier_before: float | None
    temperature: float
    threshold: float
    sure: Share | None
    sure_accuracy: Share | None
    bins: list[Bin]
    bins_before: list[Bin]


class Folds(TypedDict, total=False):
    """Cross-validation: ``folds.json``, and a part of a report."""

    count: Count
    epochs: Count
    accuracy: list[Share]
    mean: Share
    std: Share


class Majority(TypedDict, total=False):
    """What the most frequent class alone would score."""

    accuracy: Share


class Centroid(TypedDict, total=False):
    """What the nearest class mean scores."""

    accuracy: Share
    pictures: Count


class Report(TypedDict, total=False):
    """``report.json`` and the reports on other pictures: the evaluation of a run."""

    accuracy: Required[Share]
    pictures: Count
    classes: list[str]
    confusion: list[list[Count]]
    per_class: list[PerClass]
    split: str
    balanced_accuracy: Share | None
    macro_f1: Share | None
    loss: float | None
    intervals: dict[str, Interval | None]
    groups: Groups
    majority: Majority
    calibration: Calibration
    centroid: Centroid | None
    folds: Folds | None
    notes: list[dict[str, str]]
    parity: dict[str, float]
    run: str
    model: str
    dataset: str
    fingerprint: str
    version: Count
    seconds: Seconds
    model_sha256: str


class Answers(TypedDict, total=False):
    """What the threshold of a model means, counted on validation pictures."""

    pictures: Count
    answered: Count
    right: Count
    target: Share
    bound: Share | None
    confidence: Share
    enough: bool


class Unlike(TypedDict, total=False):
    """How a model tells pictures that are unlike those it learned from."""

    method: str
    neighbours: Count
    pictures: Count
    limit: float
    validation: Count
    beyond: Count
    false_alarms: Share | None
    false_alarms_bound: Share


class Pixels(TypedDict):
    """How pictures are prepared."""

    size: Annotated[int, Between(1, 4096)]
    colour: Literal["rgb", "grey"]
    fit: Literal["crop", "squeeze"]


class Model(TypedDict, total=False):
    """``model/model.json``: classes, preprocessing, calibration and hashes of a classifier."""

    version: Required[Count]
    run: str
    model: str
    classes: list[str]
    pixels: Pixels
    temperature: Annotated[float, Between(1e-3, 1e3)]
    threshold: Annotated[float, Between(0, 2)]
    parity: dict[str, float]
    sha256: dict[str, str]
    threshold_rule: str
    calibrated_on: str
    answers: Answers | None
    unlike: Unlike | None
    versions: dict[str, str]
    outputs: list[str]
    checksum: str


class Expected(TypedDict):
    """What a run was expected to take."""

    seconds: Seconds
    memory: float
    disk: float
    basis: NotRequired[str]
    measured: NotRequired[bool]


class Actual(TypedDict):
    """What a run took."""

    seconds: Seconds
    memory: float
    disk: float


class Estimate(TypedDict):
    """``estimate.json``."""

    expected: Expected
    actual: NotRequired[Actual]


class Checkpoint(TypedDict):
    """An entry of ``checkpoints/last.json`` and ``best.json``."""

    file: str
    sha256: str
    epoch: NotRequired[Count]
    step: NotRequired[Count]


def is_report(content: Any) -> bool:
    """Whether the parts of a ``Report`` have a row for each class."""
    confusion = content.get("confusion", [])
    rows = [content.get("per_class", []), confusion, *confusion]
    return all(len(row) in (0, len(content.get("classes", []))) for row in rows)


FILES: dict[str, Any] = {
    "meta.json": Meta,
    "dataset.json": RunDataset,
    "worker.json": Worker,
    "report.json": Report,
    "model/model.json": Model,
    "estimate.json": Estimate,
    "folds.json": Folds,
}
"""The type of each file of a run folder that a page reads, ``config.json`` apart, which
``TrainConfig`` checks."""
