"""Live metrics: tiles, curves, coach remarks and mistakes of a training, from a live state."""

from typing import Any

import streamlit as st

from dashboard.charts import training as training_charts
from dashboard.components.train.coach_card import coach_card
from dashboard.components.widgets.metric_tiles import MetricTile, metric_tiles
from dashboard.components.widgets.plot import plot
from dashboard.queries import live
from dashboard.queries.thumbnails import thumbnail
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.wording import duration, number, percentage
from ml.errors import BadInputError
from ml.metrics.live import DECIDING, LiveMetric, tile_order
from ml.runs.folder import Run
from ml.runs.status import Status


def live_metrics(state: live.Live, run: Run | None = None, status: Status | None = None) -> None:
    """Draw tiles, curves and remarks of a live state. With its ``run``, the coach's remark has a
    button that does what it advises."""
    metric_tiles(live_tiles(state, fits_head=run is not None and _fits_head(run)), "live")
    x_axis = st.segmented_control(
        "Draw by", ["Epoch", "Step"], default="Epoch", key="draw-by", label_visibility="collapsed"
    )
    x_axis = (x_axis or "Epoch").lower()
    columns = st.columns(2)
    for place, metric in enumerate(live.drawn_metrics(state)):
        with columns[place % 2].container(border=True, key=f"card-{metric.name}"):
            title = escape(training_charts.title_of(state, metric))
            st.html(f'<h3 class="lens-card-title">{title}</h3>')
            text = training_charts.text_alternative(state, metric)
            plot(
                training_charts.curves(state, metric, x_axis),
                f"chart-{metric.name}",
                alt=text,
                announce=text if metric.name == DECIDING and state["epochs"] else "",
            )
    coach_card(state, run, status)


def live_tiles(state: live.Live, fits_head: bool = False) -> list[MetricTile]:
    """The tiles of a live state. Where only a head is fitted (``fits_head``) its speed is left out:
    it is that of stored features, and says nothing of the time that pictures take."""
    epochs = live.surviving(state)
    progress = state["progress"] or {}
    speeds = [speed for speed in state["steps"]["speed"] if speed]
    planned = (state["started"] or {}).get("epochs")
    ended = state["ended"]
    tiles = [
        *live_metric_tiles(state),
        MetricTile(
            "Time taken" if ended else "Time left",
            duration(ended["seconds"] if ended else progress.get("seconds_left")),
            f"{live.unit_of(state)} {len(epochs)} of {planned}" if planned else "",
            help="An estimate from the speed so far." if not ended else "",
        ),
    ]
    speed = MetricTile(
        "Pictures per second",
        number(speeds[-1] if speeds else None),
        _machine(state["started"] or {}),
        help="How many pictures the model learns from each second.",
        spark=speeds[-200:],
    )
    return tiles if fits_head else [*tiles, speed]


def _fits_head(run: Run) -> bool:
    """Whether the run trains a head on stored features alone."""
    try:
        return run.config.frozen
    except BadInputError:
        return False


def live_metric_tiles(state: live.Live) -> list[MetricTile]:
    """A tile for each live metric."""
    epochs = live.surviving(state)
    return [_metric_tile(metric, epochs) for metric in tile_order(live.drawn_metrics(state))]


def _metric_tile(metric: LiveMetric, epochs: list[dict[str, Any]]) -> MetricTile:
    """The last and the best validation value of a live metric."""
    key = f"val_{metric.name}"
    values = [epoch[key] for epoch in epochs if epoch.get(key) is not None]
    if metric.better == "higher":
        below = f"best {_value_text(metric, max(values))}" if values else "after the first epoch"
    else:
        below = f"lowest {_value_text(metric, min(values))}" if values else "lower is better"
    return MetricTile(
        metric.validation_label,
        _value_text(metric, values[-1] if values else None),
        below,
        help=metric.help,
        spark=values,
        colour="validation",
    )


def _value_text(metric: LiveMetric, value: float | None) -> str:
    return percentage(value, digits=1) if metric.unit == "share" else number(value)


def live_mistakes(classes: list[str], state: live.Live) -> None:
    """Draw the validation pictures that the last epoch got wrong; nothing where there are none."""
    validated = [one for one in live.surviving(state) if one.get("val_loss") is not None]
    if not validated or not validated[-1]["mistakes"]:
        return
    last = validated[-1]
    root = current_workspace().root
    figures = []
    for item in last["mistakes"][:12]:
        source = thumbnail(root, str(item["picture"]))
        if not source:
            continue
        truth, guess = _name(classes, item["label"]), _name(classes, item["predicted"])
        caption = f"{guess}, {percentage(item['probability'], digits=0)} sure. It is {truth}."
        figures.append(
            f'<figure title="{escape(caption)}"><img src="{source}" loading="lazy" '
            f'alt="{escape(caption)}"><figcaption>says {escape(guess)}'
            f"<small>is {escape(truth)}</small></figcaption></figure>"
        )
    if figures:
        title = "Still wrong at the end" if state["ended"] else f"Wrong after epoch {last['epoch']}"
        with st.container(border=True, key="card-mistakes"):
            st.html(
                f'<h3 class="lens-card-title">{title}</h3>'
                f'<div class="lens-thumbs">{"".join(figures)}</div>'
            )


def _name(classes: list[str], label: Any) -> str:
    return classes[label] if isinstance(label, int) and 0 <= label < len(classes) else str(label)


def _machine(started: dict[str, Any]) -> str:
    """The hardware of a training: the device, with its count where several share the work.

    >>> _machine({"device": "cpu", "choices": {"processes": 2}})
    '2 × CPU'
    """
    processes = int((started.get("choices") or {}).get("processes", 1))
    device = str(started.get("device", "")).upper()
    return f"{processes} × {device}" if processes > 1 else device
