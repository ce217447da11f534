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

from ml.metrics.classification import Interval, Ints, confusion


@dataclass(frozen=True)
class LabelledLogits:
    """What a metric is computed from: ``logits`` (N, K) and the true class numbers (N,)."""

    logits: NDArray[Any]
    labels: Ints

    @cached_property
    def confusion(self) -> Ints:
        """The confusion matrix (K, K): rows are the truth, columns the predicted class."""
        return confusion(self.labels, self.logits.argmax(axis=1), np.shape(self.logits)[1])


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
