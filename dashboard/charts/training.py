"""Training curves of a live metric, as Plotly figures with theme colours. Pure.

Training and validation keep their two colours everywhere: ``$train`` and ``$validation``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.queries.live import Live, surviving, unit_of
from dashboard.text.wording import percentage
from ml.metrics.live import LiveMetric

MIN_EPOCHS_FOR_TITLE = 3
"""From so many epochs on the title of a chart names its best epoch."""
MAX_POINTS = 2000
"""A series with more points is downsampled before it is sent to the browser."""
Figure = dict[str, Any]
Series = Sequence[float | None]


def downsample(
    x: Sequence[float], y: Series, limit: int = MAX_POINTS
) -> tuple[list[float], list[float | None]]:
    """Min-max downsampling: at most ``limit`` points, of each bucket the lowest and the highest.

    The first and the last point stay. ``x`` must be sorted. With more than ``limit`` points, those
    without a value are left out.

    >>> downsample([0, 1, 2], [5, 6, 7])
    ([0, 1, 2], [5, 6, 7])
    """
    if len(x) <= limit:
        return list(x), list(y)
    points = [(at, value) for at, value in zip(x, y, strict=True) if value is not None]
    if len(points) <= limit:
        return [at for at, _ in points], [value for _, value in points]
    buckets = (limit - 2) // 2
    inner, chosen = points[1:-1], [points[0]]
    for place in range(buckets):
        stretch = inner[len(inner) * place // buckets : len(inner) * (place + 1) // buckets]
        lowest = min(range(len(stretch)), key=lambda index: stretch[index][1])
        highest = max(range(len(stretch)), key=lambda index: stretch[index][1])
        chosen += [stretch[index] for index in sorted({lowest, highest})]
    chosen.append(points[-1])
    return [at for at, _ in chosen], [value for _, value in chosen]


def curves(live: Live, metric: LiveMetric, by: str = "epoch") -> Figure:
    """A live metric in training and validation, shares in per cent; ``by`` is epoch or step."""
    name, percent = metric.name, metric.unit == "share"
    epochs = surviving(live)
    factor = 100.0 if percent else 1.0
    at = [epoch[by] for epoch in epochs]
    if by == "step":
        train = (live["steps"]["step"], live["steps"].get(name, []))
    else:
        train = (at, [epoch.get(f"train_{name}") for epoch in epochs])
    unit = " %" if percent else ""
    pattern = f"%{{y:.1f}}{unit}" if percent else "%{y:.4f}"
    traces = [
        _trace("Training", "$train", *train, factor, pattern, marks=by == "epoch"),
        _trace(
            "Validation",
            "$validation",
            at,
            [epoch.get(f"val_{name}") for epoch in epochs],
            factor,
            pattern,
            marks=True,
        ),
    ]
    traces += _best_mark(epochs, metric, by, factor)
    return {
        "data": traces,
        "layout": {
            "hovermode": "x unified",
            "xaxis": {"title": _axis_title(live, by), "showgrid": False, **_extent(live, by)},
            "yaxis": {"ticksuffix": unit} | ({} if epochs or train[0] else {"range": [0, factor]}),
        },
    }


def _best_mark(
    epochs: Sequence[Mapping[str, Any]], metric: LiveMetric, by: str, factor: float
) -> list[Figure]:
    """The ring around the validation value of the best epoch; empty while there is none."""
    best = [epoch for epoch in epochs if epoch["best"]]
    value = best[-1].get(f"val_{metric.name}") if best else None
    if value is None:
        return []
    ring = {"color": "$validation", "width": 2.5}
    return [
        {
            "type": "scatter",
            "x": [best[-1][by]],
            "y": [factor * value],
            "mode": "markers",
            "name": "Best",
            "marker": {"color": "$back", "size": 11, "line": ring},
            "hoverinfo": "skip",
        }
    ]


def _axis_title(live: Live, by: str) -> str:
    if by == "epoch" and unit_of(live) == "penalty":
        return "Penalty, from strong to weak"
    return by.capitalize()


def _extent(live: Live, by: str) -> Figure:
    """The range of the x axis: up to the planned end, unless that is more than 4 times as far."""
    started = live["started"]
    planned = started["epochs"] if started else 10
    if by == "step":
        planned *= started["steps_per_epoch"] if started else 10
    done = live["epochs"][-1][by] if live["epochs"] else 0
    if done and planned > 4 * done:
        return {}
    each = {"dtick": 1} if by == "epoch" and planned <= 12 else {}
    return {"range": [0, 1.03 * planned], **each}


def _trace(
    name: str, colour: str, x: Series, y: Series, factor: float, pattern: str, *, marks: bool
) -> Figure:
    shown_x, shown_y = downsample([float(value or 0) for value in x], y)
    return {
        "type": "scatter",
        "name": name,
        "x": shown_x,
        "y": [None if value is None else round(factor * value, 5) for value in shown_y],
        "mode": "lines+markers" if marks and len(shown_x) <= 60 else "lines",
        "line": {"color": colour, "width": 2 if marks else 1.5},
        "marker": {"color": colour, "size": 5},
        "connectgaps": True,
        "hovertemplate": f"{pattern}<extra>{name}</extra>",
    }


def text_alternative(live: Live, metric: LiveMetric) -> str:
    """The chart of a live metric in a sentence, for screen readers."""
    epochs = surviving(live)
    if not epochs:
        return f"The {metric.inline_label} of training and validation: nothing measured yet."
    last = epochs[-1]
    train, val = (last.get(f"{side}_{metric.name}") for side in ("train", "val"))

    def value_text(value: float | None) -> str:
        if value is None:
            return "not measured"
        return percentage(value, digits=1) if metric.unit == "share" else f"{value:.3f}"

    return (
        f"The {metric.inline_label} after {unit_of(live)} {last['epoch']}: "
        f"training {value_text(train)}, validation {value_text(val)}."
    )


def title_of(live: Live, metric: LiveMetric) -> str:
    """The title of the chart: the metric, with its best epoch once there are enough epochs."""
    key = f"val_{metric.name}"
    epochs = [epoch for epoch in surviving(live) if epoch.get(key) is not None]
    if len(epochs) < MIN_EPOCHS_FOR_TITLE:
        return metric.label
    if metric.better == "lower":
        lowest = min(epochs, key=lambda epoch: float(epoch[key]))
        return f"{metric.label}: lowest after {unit_of(live)} {lowest['epoch']}"
    # Of equally good epochs the one whose checkpoint was kept, which the chart marks.
    best = max(epochs, key=lambda e: (float(e[key]), e["best"], e["best"] and e["epoch"]))
    return f"{metric.label}: highest after {unit_of(live)} {best['epoch']}"
