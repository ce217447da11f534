"""A training as it learns: tiles, curves, remarks and what is still wrong, from a live state."""

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
from ml.runs.folder import Run
from ml.runs.status import Status


def live_metrics(state: live.Live, run: Run | None = None, status: Status | None = None) -> None:
    """Tiles, curves and remarks of a live state, wherever its events came from. With its run, what
    the coach advises can be done."""
    metric_tiles(_tiles(state), "live")
    by = st.segmented_control(
        "Draw by", ["Epoch", "Step"], default="Epoch", key="draw-by", label_visibility="collapsed"
    )
    by = (by or "Epoch").lower()
    left, right = st.columns(2)
    for place, name in ((left, "loss"), (right, "accuracy")):
        with place.container(border=True, key=f"card-{name}"):
            st.html(
                f'<h3 class="lens-card-title">{escape(training_charts.finding(state, name))}</h3>'
            )
            figure = (
                training_charts.loss(state, by)
                if name == "loss"
                else training_charts.accuracy(state, by)
            )
            said = training_charts.describe(state, name)
            plot(
                figure,
                f"chart-{name}",
                alt=said,
                announce=said if name == "accuracy" and state["epochs"] else "",
            )
    coach_card(state, run, status)


def _tiles(state: live.Live) -> list[MetricTile]:
    epochs = live.surviving(state)
    progress = state["progress"] or {}
    accuracies = [epoch["val_accuracy"] for epoch in epochs if epoch["val_accuracy"] is not None]
    losses = [epoch["val_loss"] for epoch in epochs if epoch["val_loss"] is not None]
    speeds = [speed for speed in state["steps"]["speed"] if speed]
    best = max(accuracies, default=None)
    planned = (state["started"] or {}).get("epochs")
    ended = state["ended"]
    return [
        MetricTile(
            "Validation accuracy",
            percentage(accuracies[-1] if accuracies else None, digits=1),
            f"best {percentage(best, digits=1)}" if best is not None else "after the first epoch",
            help="The share of pictures named right among those kept aside to watch the training.",
            spark=accuracies,
            colour="validation",
        ),
        MetricTile(
            "Validation loss",
            number(losses[-1] if losses else None),
            f"lowest {number(min(losses))}" if losses else "lower is better",
            help="How far the answers are from the truth, sureness included. Lower is better.",
            spark=losses,
            colour="validation",
        ),
        MetricTile(
            "Time taken" if ended else "Time left",
            duration(ended["seconds"] if ended else progress.get("seconds_left")),
            f"epoch {len(epochs)} of {planned}" if planned else "",
            help="An estimate from the speed so far." if not ended else "",
        ),
        MetricTile(
            "Pictures per second",
            number(speeds[-1] if speeds else None),
            _machine(state["started"] or {}),
            help="How many pictures the model learns from each second.",
            spark=speeds[-200:],
        ),
    ]


def live_mistakes(classes: list[str], state: live.Live) -> None:
    """The validation pictures that the last epoch had wrong; nothing where there are none."""
    epochs = [epoch for epoch in live.surviving(state) if epoch["mistakes"]]
    if not epochs:
        return
    root = current_workspace().root
    shown = []
    for item in epochs[-1]["mistakes"][:12]:
        source = thumbnail(root, str(item["picture"]))
        if not source:
            continue
        truth, guess = _name(classes, item["label"]), _name(classes, item["predicted"])
        words = f"{guess}, {percentage(item['probability'], digits=0)} sure. It is {truth}."
        shown.append(
            f'<figure title="{escape(words)}"><img src="{source}" loading="lazy" '
            f'alt="{escape(words)}"><figcaption>says {escape(guess)}'
            f"<small>is {escape(truth)}</small></figcaption></figure>"
        )
    if shown:
        with st.container(border=True, key="card-mistakes"):
            st.html(
                f'<h3 class="lens-card-title">Still wrong after epoch {epochs[-1]["epoch"]}</h3>'
                f'<div class="lens-thumbs">{"".join(shown)}</div>'
            )


def _name(classes: list[str], label: Any) -> str:
    return classes[label] if isinstance(label, int) and 0 <= label < len(classes) else str(label)


def _machine(started: dict[str, Any]) -> str:
    """What computes: ``CPU``, or both of two where several devices share the work.

    >>> _machine({"device": "cpu", "choices": {"processes": 2}})
    '2 × CPU'
    """
    many = int((started.get("choices") or {}).get("processes", 1))
    device = str(started.get("device", "")).upper()
    return f"{many} × {device}" if many > 1 else device
