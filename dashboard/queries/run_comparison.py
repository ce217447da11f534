"""Several runs beside one another: what was set differently, what came out, how they learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.text.class_names import literal
from dashboard.text.markdown import shortened
from ml.config import TrainConfig
from ml.runs.events import EpochEnd, surviving
from ml.runs.folder import Run

FIGURES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
}
METRICS = {"val_accuracy": "Validation accuracy", "val_loss": "Validation loss"}


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
    found = []
    for item in fields(TrainConfig):
        values = {run: getattr(config, item.name) for run, config in configs.items()}
        if len(set(values.values())) > 1:
            found.append((str(item.metadata["label"]), values))
    return found


def curve(run: Run, label: str, metric: str) -> Curve:
    """The validation curve of ``run``; ``metric`` is a key of ``METRICS``. Kept while unchanged."""
    log = run.folder / "events.jsonl"
    try:
        size = log.stat().st_size
    except OSError:
        size = 0
    epochs, values = _points(str(run.folder), metric, size)
    return Curve(run.id, label, epochs, values)


@st.cache_data(max_entries=200, show_spinner=False)
def _points(folder: str, metric: str, size: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """``size`` is that of the log, which only grows: the key of the cache."""
    events, _ = Run(Path(folder)).events()
    points = [
        (event.epoch, float(getattr(event, metric)))
        for event in surviving(events)
        if isinstance(event, EpochEnd) and getattr(event, metric) is not None
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
    """The validation curves of several runs in one chart; ``metric`` is a key of ``METRICS``."""
    factor, unit = (100, " %") if metric == "val_accuracy" else (1, "")
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
            "yaxis": {"title": METRICS[metric], "ticksuffix": unit},
        },
    }
