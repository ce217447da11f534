"""Metric text: values of metrics with 95 % intervals, by the metric's unit.

``report`` is an EvaluationReport; of what an earlier Lensmith did not measure there is "–".
"""

import math
from collections.abc import Mapping
from typing import Any

from ml.metrics.registry import Metric, displayed_metrics
from ml.text.format import number, percentage, span


def measured(report: Mapping[str, Any]) -> list[Metric]:
    """The metrics to show that ``report`` has."""
    return [metric for metric in displayed_metrics() if report.get(metric.name) is not None]


def value_text(metric: Metric, report: Mapping[str, Any]) -> str:
    """The value: "88 %" of a share, "0.812" of a number."""
    value = report.get(metric.name)
    return percentage(value) if metric.unit == "share" else number(value)


def interval_text(metric: Metric, report: Mapping[str, Any], *, unit: bool = False) -> str:
    """The 95 % interval as "83 to 92", with ``unit`` as "83 to 92 %"; empty where there is none."""
    interval = (report.get("intervals") or {}).get(metric.name)
    if metric.unit == "share":
        ends = span(interval)
        return f"{ends} %" if ends and unit else ends
    if not isinstance(interval, (list, tuple)) or len(interval) != 2:
        return ""
    if not all(isinstance(end, (int, float)) and math.isfinite(end) for end in interval):
        return ""
    low, high = interval
    return f"{number(low)} to {number(high)}"


def value_with_interval(metric: Metric, report: Mapping[str, Any]) -> str:
    """Both: "88 % (83 to 92)"."""
    ends = interval_text(metric, report)
    return value_text(metric, report) + (f" ({ends})" if ends else "")
