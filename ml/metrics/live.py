"""The live metrics of a training: add one here, and meter, event log, charts and tiles have it.

A live metric is a mean over the pictures of a batch, an epoch, or what came since the last event.
Light: the functions get tensors, and this module imports no torch.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

DECIDING = "accuracy"
"""The live metric by which the best epoch is chosen (see ``ml.training.task``)."""


@dataclass(frozen=True)
class BatchAnswers:
    """What a live metric is computed from: mean ``loss`` (), ``logits`` (N, K) and ``labels`` (N,)
    of a batch, on the device that trains."""

    loss: "Tensor"
    logits: "Tensor"
    labels: "Tensor"


@dataclass(frozen=True)
class LiveMetric:
    """One live metric.

    Attributes:
        name: its key in events; in those of an epoch after ``train_`` or ``val_``.
        batch_sum: its sum over the pictures of a batch: a scalar, which stays on the device.
        label: what people read, as "Top-5 accuracy".
        help: one sentence that says what it is.
        better: whether the higher or the lower value is the better one.
        unit: ``share`` (0 to 1, shown in percent) or ``number``.
    """

    name: str
    batch_sum: Callable[[BatchAnswers], "Tensor"]
    label: str
    help: str
    better: Literal["higher", "lower"] = "higher"
    unit: Literal["share", "number"] = "share"

    @property
    def inline_label(self) -> str:
        """``label`` as it stands within a sentence."""
        return self.label[0].lower() + self.label[1:]

    @property
    def validation_label(self) -> str:
        """What its value on the validation pictures is called."""
        return f"Validation {self.inline_label}"


_metrics: dict[str, LiveMetric] = {}


def live_metric(
    name: str,
    *,
    label: str,
    help: str,
    better: Literal["higher", "lower"] = "higher",
    unit: Literal["share", "number"] = "share",
) -> Callable[[Callable[[BatchAnswers], "Tensor"]], Callable[[BatchAnswers], "Tensor"]]:
    """Register the decorated function as the ``batch_sum`` of a live metric."""

    def register(
        batch_sum: Callable[[BatchAnswers], "Tensor"],
    ) -> Callable[[BatchAnswers], "Tensor"]:
        _metrics[name] = LiveMetric(name, batch_sum, label, help, better, unit)
        return batch_sum

    return register


def live_metrics() -> list[LiveMetric]:
    """All of them, in the order of their charts."""
    return list(_metrics.values())


def get(name: str) -> LiveMetric:
    """The live metric called ``name``. Raises KeyError where there is none."""
    return _metrics[name]


def tile_order(metrics: Iterable[LiveMetric]) -> list[LiveMetric]:
    """In the order of their tiles: the deciding one leads."""
    return sorted(metrics, key=lambda metric: metric.name != DECIDING)


@live_metric(
    "loss",
    label="Loss",
    help="How far the answers are from the truth, sureness included. Lower is better.",
    better="lower",
    unit="number",
)
def loss(batch: BatchAnswers) -> "Tensor":
    """The training loss, or the cross entropy of validation pictures."""
    return batch.loss.detach().float() * len(batch.labels)


@live_metric(
    "accuracy",
    label="Accuracy",
    help="The share of pictures named right among those kept aside to watch the training.",
)
def accuracy(batch: BatchAnswers) -> "Tensor":
    """Right answers."""
    hits: Tensor = batch.logits.argmax(1) == batch.labels
    return hits.sum()
