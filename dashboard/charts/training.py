"""Pure functions from data to a figure: dictionaries for ``components.plot``, with theme colours.

Training and validation keep their two colours everywhere: ``$train`` and ``$validation``.
"""

from collections.abc import Sequence
from typing import Any

from dashboard.queries.live import Live, surviving
from dashboard.text.wording import percentage
from ml.metrics.live import LiveMetric

MIN_EPOCHS_FOR_FINDING = 3
POINTS = 2000
"""More than this is never sent to the browser for one series."""
Figure = dict[str, Any]
Series = Sequence[float | None]


def downsample(
    x: Sequence[float], y: Series, limit: int = POINTS
) -> tuple[list[float], list[float | None]]:
    """At most ``limit`` of the points, keeping the lowest and the highest of each stretch.

    Peaks therefore stay. The first and the last point stay too; x must not fall. Points without a
    value are left out when there are too many.

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
    best = [epoch for epoch in epochs if epoch["best"]]
    value = best[-1].get(f"val_{name}") if best else None
    if value is not None:
        traces.append(
            {
                "type": "scatter",
                "x": [best[-1][by]],
                "y": [factor * value],
                "mode": "markers",
                "name": "Best",
                "marker": {
                    "color": "$back",
                    "size": 11,
                    "line": {"color": "$validation", "width": 2.5},
                },
                "hoverinfo": "skip",
            }
        )
    return {
        "data": traces,
        "layout": {
            "hovermode": "x unified",
            "xaxis": {"title": by.capitalize(), "showgrid": False, **_extent(live, by)},
            "yaxis": {"ticksuffix": unit} | ({} if epochs or train[0] else {"range": [0, factor]}),
        },
    }


def _extent(live: Live, by: str) -> Figure:
    """How far the axis goes: to the planned end where that is near, so that it does not creep."""
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


def describe(live: Live, metric: LiveMetric) -> str:
    """What the chart of a live metric says, in a sentence: its text twin."""
    epochs = surviving(live)
    if not epochs:
        return f"The {metric.inline_label} of training and validation: nothing measured yet."
    last = epochs[-1]
    train, val = (last.get(f"{side}_{metric.name}") for side in ("train", "val"))

    def say(value: float | None) -> str:
        if value is None:
            return "not measured"
        return percentage(value, digits=1) if metric.unit == "share" else f"{value:.3f}"

    return (
        f"The {metric.inline_label} after epoch {last['epoch']}: "
        f"training {say(train)}, validation {say(val)}."
    )


def finding(live: Live, metric: LiveMetric) -> str:
    """The title of the chart: what is found in it, or its plain name while nothing is."""
    key = f"val_{metric.name}"
    epochs = [epoch for epoch in surviving(live) if epoch.get(key) is not None]
    if len(epochs) < MIN_EPOCHS_FOR_FINDING:
        return metric.label
    if metric.better == "lower":
        lowest = min(epochs, key=lambda epoch: float(epoch[key]))
        return f"{metric.label}: lowest after epoch {lowest['epoch']}"
    # Of equally good epochs the one that was kept, which the chart marks.
    best = max(epochs, key=lambda e: (float(e[key]), e["best"], e["best"] and e["epoch"]))
    return f"{metric.label}: highest after epoch {best['epoch']}"
