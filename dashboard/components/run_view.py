"""A run as it trains and once it is over: figures, curves, remarks, mistakes, log, and what next."""

import json
import time
from typing import Any

import streamlit as st

from dashboard import charts, engine, forms, live, session
from dashboard.components.outcome import outcome
from dashboard.components.plot import plot
from dashboard.components.tiles import Tile, tiles
from dashboard.style import escape
from dashboard.thumbnails import thumbnail
from dashboard.words import PHASE_WORDS, count, duration, number, percent
from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.runs import Run
from ml.status import Status

TICK_SECONDS = 0.7
LIVE = ("running", "queued")
PATIENCE_SECONDS = 10.0
"""After this long without an answer to Stop, ending the worker by force is offered."""


def run_view(run: Run) -> None:
    """Everything about one run. It looks again by itself only while the run is live."""
    status = engine.status(run)
    ticking = status.name in LIVE
    st.fragment(_watched, run_every=TICK_SECONDS if ticking else None)(run, ticking)
    _folds(run)


def _watched(run: Run, ticking: bool) -> None:
    state = live.session_live()
    live.follow(run.folder, state)
    status = engine.status(run)
    if ticking and status.name not in LIVE:
        st.rerun()
    _header(run, status, state)
    if status.name == "queued":
        ahead = engine.position(session.workspace(), run)
        after = f" {count(ahead, 'run')} before it." if ahead else " It starts next."
        st.html(f'<p class="lens-quiet">Waiting for its turn.{after}</p>')
        if not state["epochs"]:
            return
    live_panel(state)
    _mistakes(run, state)


def live_panel(state: live.Live) -> None:
    """Tiles, curves and remarks of a live state, wherever its events came from."""
    tiles(_tiles(state), "live")
    by = st.segmented_control(
        "Draw by", ["Epoch", "Step"], default="Epoch", key="draw-by", label_visibility="collapsed"
    )
    by = (by or "Epoch").lower()
    left, right = st.columns(2)
    for place, name in ((left, "loss"), (right, "accuracy")):
        with place.container(border=True, key=f"card-{name}"):
            st.html(f'<h3 class="lens-card-title">{escape(charts.finding(state, name))}</h3>')
            figure = charts.loss(state, by) if name == "loss" else charts.accuracy(state, by)
            said = charts.describe(state, name)
            plot(
                figure,
                f"chart-{name}",
                alt=said,
                announce=said if name == "accuracy" and state["epochs"] else "",
            )
    if state["notes"]:
        note = state["notes"][-1]
        st.html(
            f'<div class="lens-remark lens-{escape(note["level"])}" role="status">'
            f"<span>Remark</span><p>{escape(note['text'])}</p></div>"
        )


def _header(run: Run, status: Status, state: live.Live) -> None:
    """The status with its reason, the progress and the buttons that fit the status."""
    with st.container(border=True, key="card-status"):
        if status.name == "running":
            _progress(run, status, state)
        else:
            outcome(run, status, state["ended"])


def _progress(run: Run, status: Status, state: live.Live) -> None:
    progress = state["progress"]
    words = PHASE_WORDS.get(progress["phase"], "") if progress else "Starting"
    done, started = live.share(progress), state["started"]
    detail = ""
    if progress and progress["phase"] == "train" and started:
        detail = f"epoch {min(progress['epoch'] + 1, started['epochs'])} of {started['epochs']}"
    if status.stopping:
        words, detail = "Stopping", "the best model is kept, tested and packed"
    left = progress["seconds_left"] if progress else None
    remaining = f"about {duration(left)} left" if left is not None else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.html(
            f'<div class="lens-progress"><div><span class="lens-status lens-running">'
            f"{escape(words)}</span><span>{escape(detail)}</span><span>{escape(remaining)}</span>"
            f'</div><progress max="1" value="{done:.4f}" aria-label="{escape(words)}"></progress>'
            "</div>"
        )
        if not status.stopping:
            if st.button("Stop", key="stop", icon=":material/stop:", help="Keeps the best model."):
                engine.stop(session.workspace(), run)
                st.rerun(scope="fragment")
        elif _asked(run) > PATIENCE_SECONDS and st.button(
            "End it now", key="kill", help="The worker does not answer. Its last epoch is lost."
        ):
            engine.kill(run)


def _asked(run: Run) -> float:
    """Seconds since the run was asked to stop."""
    try:
        return time.time() - (run.folder / "stop").stat().st_mtime
    except OSError:
        return 0.0


def _tiles(state: live.Live) -> list[Tile]:
    epochs = live.surviving(state)
    progress = state["progress"] or {}
    accuracies = [epoch["val_accuracy"] for epoch in epochs if epoch["val_accuracy"] is not None]
    losses = [epoch["val_loss"] for epoch in epochs if epoch["val_loss"] is not None]
    speeds = [speed for speed in state["steps"]["speed"] if speed]
    best = max(accuracies, default=None)
    planned = (state["started"] or {}).get("epochs")
    ended = state["ended"]
    return [
        Tile(
            "Validation accuracy",
            percent(accuracies[-1] if accuracies else None),
            f"best {percent(best)}" if best is not None else "after the first epoch",
            help="The share of pictures named right among those kept aside to watch the training.",
            spark=accuracies,
            colour="validation",
        ),
        Tile(
            "Validation loss",
            number(losses[-1] if losses else None),
            f"lowest {number(min(losses))}" if losses else "lower is better",
            help="How far the answers are from the truth, sureness included. Lower is better.",
            spark=losses,
            colour="validation",
        ),
        Tile(
            "Time taken" if ended else "Time left",
            duration(ended["seconds"] if ended else progress.get("seconds_left")),
            f"epoch {len(epochs)} of {planned}" if planned else "",
            help="An estimate from the speed so far." if not ended else "",
        ),
        Tile(
            "Pictures per second",
            number(speeds[-1] if speeds else None),
            (state["started"] or {}).get("device", "").upper(),
            help="How many pictures the model learns from each second.",
            spark=speeds[-200:],
        ),
    ]


def _mistakes(run: Run, state: live.Live) -> None:
    epochs = [epoch for epoch in live.surviving(state) if epoch["mistakes"]]
    if not epochs:
        return
    classes = run.dataset.get("classes") or []
    root = session.workspace().root
    shown = []
    for item in epochs[-1]["mistakes"][:12]:
        source = thumbnail(root, str(item["picture"]))
        if not source:
            continue
        truth, guess = _name(classes, item["label"]), _name(classes, item["predicted"])
        words = f"{guess}, {percent(item['probability'], 0)} sure. It is {truth}."
        shown.append(
            f'<figure title="{escape(words)}"><img src="{source}" loading="lazy" '
            f'alt="{escape(words)}"><figcaption>says {escape(guess)}<small>is {escape(truth)}</small>'
            "</figcaption></figure>"
        )
    if shown:
        with st.container(border=True, key="card-mistakes"):
            st.html(
                f'<h3 class="lens-card-title">Still wrong after epoch {epochs[-1]["epoch"]}</h3>'
                f'<div class="lens-thumbs">{"".join(shown)}</div>'
            )


def _name(classes: list[str], label: Any) -> str:
    return classes[label] if isinstance(label, int) and 0 <= label < len(classes) else str(label)


def _folds(run: Run) -> None:
    """Log, configuration and command, read only when opened."""
    log = st.expander("Log", key="fold-log", on_change="rerun")
    if log.open:
        with log:
            st.code(engine.log_tail(run) or "Nothing was written yet.", language=None, height=320)
    settings = st.expander("Settings and command", key="fold-settings", on_change="rerun")
    if settings.open:
        with settings:
            try:
                config = run.config
            except BadInputError as error:
                st.html(f"<p>{escape(error)}</p>")
                return
            st.code(forms.command(config, forms.differing(config, TrainConfig())), language="bash")
            st.code(json.dumps(config.to_json(), indent=1), language="json", height=320)
