"""The registry of metrics: each a decorated function in ``ml.metrics.entries``.

A report, the command line, the comparison of runs, the Evaluate page and the HTML report read it:
another metric is one more entry there and nothing else.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml.metrics.classification import Floats, Interval, Ints, confusion
from ml.metrics.design_effect import variance_inflation


@dataclass(frozen=True)
class LabelledLogits:
    """What a metric is computed from: ``logits`` (N, K), the true class numbers (N,), and the group
    numbers (N,) where some pictures are of one group."""

    logits: NDArray[Any]
    labels: Ints
    groups: Ints | None = None

    @cached_property
    def confusion(self) -> Ints:
        """The confusion matrix (K, K): rows are the truth, columns the predicted class."""
        return confusion(self.labels, self.guesses, np.shape(self.logits)[1])

    @property
    def guesses(self) -> Ints:
        """The predicted class numbers (N,)."""
        return np.asarray(self.logits.argmax(axis=1))

    def inflation(self, influence: Callable[[Ints], Floats], by_class: bool = False) -> float:
        """The inflation (``ml.metrics.design_effect``) of the variance of a metric.

        Args:
            influence: of the confusion (K, K), what a picture of each cell adds to the metric.
            by_class: whether every class counts the same, however few its pictures.
        """
        if self.groups is None:
            return 1.0
        support = self.confusion.sum(axis=1)
        right = int(np.trace(self.confusion))
        return variance_inflation(
            influence(self.confusion)[self.labels, self.guesses],
            self.groups,
            events=min(right, len(self.labels) - right),
            weights=1 / support[self.labels] if by_class else None,
        )


Function = Callable[[LabelledLogits], float]
IntervalFunction = Callable[[LabelledLogits], Interval]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: its key in the JSON of a report.
        function: computes it.
        label: what people read, as "Macro F1".
        help: one sentence that says what it is.
        interval: computes its 95 % interval (low, high); None where there is no formula.
        better: whether the higher or the lower value is the better one.
        unit: ``share`` (0 to 1, shown in percent) or ``number``.
        displayed: whether tiles, tables and lists show it; the JSON has every metric.
    """

    name: str
    function: Function
    label: str
    help: str
    interval: IntervalFunction | None = None
    better: Literal["higher", "lower"] = "higher"
    unit: Literal["share", "number"] = "share"
    displayed: bool = True

    @property
    def explanation(self) -> str:
        """``help``, and that lower is better where it is."""
        return self.help if self.better == "higher" else f"{self.help} Lower is better."


_metrics: dict[str, Metric] = {}


def metric(
    name: str,
    *,
    label: str,
    help: str,
    interval: IntervalFunction | None = None,
    better: Literal["higher", "lower"] = "higher",
    unit: Literal["share", "number"] = "share",
    displayed: bool = True,
) -> Callable[[Function], Function]:
    """Register the decorated function as the metric ``name``; see ``Metric`` for the arguments.

    Raises:
        ValueError: there is a metric of that name already.
    """

    def register(function: Function) -> Function:
        if name in _metrics:
            raise ValueError(f"There are two metrics named {name}.")
        _metrics[name] = Metric(name, function, label, help, interval, better, unit, displayed)
        return function

    return register


def all_metrics() -> list[Metric]:
    """Every metric, in the order in which they were registered."""
    importlib.import_module("ml.metrics.entries")
    return list(_metrics.values())


def displayed_metrics() -> list[Metric]:
    """The metrics that tiles, tables and lists show."""
    return [one for one in all_metrics() if one.displayed]
