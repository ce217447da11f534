"""Run comparison: differing settings, metrics and validation curves of several runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.queries.results import report_of
from dashboard.text.class_names import literal
from dashboard.text.markdown import plain, shortened
from ml.config import TrainConfig
from ml.metrics import live as live_metric
from ml.metrics.registry import displayed_metrics
from ml.runs.events import EpochEnd, surviving
from ml.runs.folder import Run
from ml.text.metric_text import value_with_interval


@dataclass(frozen=True)
class Curve:
    """One run's validation curve: ``epochs`` from 1, ``values`` beside them."""

    run: str
    label: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


def differences(configs: Mapping[str, TrainConfig]) -> list[tuple[str, dict[str, Any]]]:
    """The settings in which the configurations (by run id) differ: label, and value by run id.

    >>> pair = {"a": TrainConfig(epochs=3), "b": TrainConfig(epochs=5)}
    >>> differences(pair)
    [('Epochs', {'a': 3, 'b': 5})]
    """
    differing = []
    for item in fields(TrainConfig):
        values = {run: getattr(config, item.name) for run, config in configs.items()}
        if len(set(values.values())) > 1:
            differing.append((str(item.metadata["label"]), values))
    return differing


def comparison_table(titled_runs: Sequence[tuple[Run, str]]) -> dict[str, list[str]]:
    """A table of all metrics with intervals and of the settings that differ: a column a run.

    Args:
        titled: the runs, each with the title of its column.

    Returns:
        The cells by heading, as Markdown; the first column, "", names the rows.
    """
    differing = differences({run.id: run.config for run, _ in titled_runs})
    metrics = displayed_metrics()
    rows = [*(metric.label for metric in metrics), *(label for label, _ in differing)]
    table: dict[str, list[str]] = {"": [plain(row) for row in rows]}
    for place, (run, title) in enumerate(titled_runs, 1):
        scores = [value_with_interval(metric, report_of(run) or {}) for metric in metrics]
        settings = [_setting_text(values[run.id]) for _, values in differing]
        heading = plain(shortened(title, 40))
        heading = heading if heading not in table else f"{heading} ({place})"
        table[heading] = [plain(cell) for cell in (*scores, *settings)]
    return table


def _setting_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def curve(run: Run, label: str, metric: str) -> Curve:
    """The validation curve of ``run`` by the live metric of that name. Kept while unchanged."""
    log = run.folder / "events.jsonl"
    try:
        size = log.stat().st_size
    except OSError:
        size = 0
    epochs, values = _points(str(run.folder), metric, size)
    return Curve(run.id, label, epochs, values)


@st.cache_data(max_entries=200, show_spinner=False)
def _points(folder: str, metric: str, size: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Epochs and values of a curve. The log only grows, so its ``size`` is a key of the cache."""
    events, _ = Run(Path(folder)).events()
    points = [
        (event.epoch, value)
        for event in surviving(events)
        if isinstance(event, EpochEnd) and (value := event.validation(metric)) is not None
    ]
    return tuple(epoch for epoch, _ in points), tuple(value for _, value in points)


def same_pictures(runs: Sequence[Run]) -> bool:
    """Whether all were tested on the same pictures, so that their scores can be compared."""
    tests = set()
    for run in runs:
        record = run.dataset
        splits = record.get("splits") or {}
        tests.add((str(record.get("fingerprint")), tuple(splits.get("test") or ())))
    return len(tests) == 1


def overlay(curves: Sequence[Curve], metric: str) -> dict[str, Any]:
    """The validation curves of several runs in one chart; ``metric`` is the name of a live one."""
    factor, unit = (100, " %") if live_metric.get(metric).unit == "share" else (1, "")
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers" if len(curve.epochs) <= 30 else "lines",
            "name": literal(shortened(curve.label, 32)),
            "x": list(curve.epochs),
            "y": [round(factor * value, 4) for value in curve.values],
            "line": {"color": f"$cat{place}", "width": 2},
            "hovertemplate": f"%{{y:.4g}}{unit}<extra>%{{fullData.name}}</extra>",
        }
        for place, curve in enumerate(curves)
    ]
    return {
        "data": traces,
        "layout": {
            "showlegend": True,
            "hovermode": "x unified",
            "xaxis": {"title": "Epoch", "rangemode": "tozero"},
            "yaxis": {"title": live_metric.get(metric).validation_label, "ticksuffix": unit},
        },
    }
