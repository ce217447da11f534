"""Coach card: the coach's remark on a training, and a button that does what it advises."""

from dataclasses import asdict, fields
from typing import Any

import streamlit as st

from dashboard.components.evaluate.learning_curve import ICON, begin_learning_curve
from dashboard.queries.live import Live, surviving
from dashboard.state import deep_links
from dashboard.state.navigation import EVALUATE, TRAIN
from dashboard.state.workspace import current_workspace
from dashboard.text.choices import choice_label
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.workers import engine
from ml.config import TrainConfig, names_of
from ml.errors import BadInputError
from ml.evaluation.learning_curve import read as read_curve
from ml.runs.events import EpochEnd
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.training.coach import Situation, advise, measured

PHASES_AFTER_TRAINING = ("export", "evaluate", "folds")


def coach_card(state: Live, run: Run | None = None, status: Status | None = None) -> None:
    """Draw the remark on a live state; with its run, the button as well."""
    note = current_remark(state, run, status)
    if note is None:
        return
    change = _known_settings(note.get("change"))
    too_few_pictures = (
        note.get("code") == "too_few_pictures" and run is not None and run.model is not None
    )
    curve = read_curve(run) if too_few_pictures and run is not None else None
    if curve:
        note = note | {"text": measured(note["text"], curve["finding"])}
    with st.container(key="coach"):
        st.html(
            f'<div class="lens-remark lens-{escape(note["level"])}" role="status">'
            f"<span>Remark</span><p>{escape(note['text'])}</p></div>"
        )
        if change and run is not None and status is not None:
            _change_button(change, run, status)
        elif too_few_pictures and curve is None and run is not None:
            _measure_button(run)


def current_remark(
    state: Live, run: Run | None = None, status: Status | None = None
) -> dict[str, Any] | None:
    """The remark on a training as it stands now, as a dictionary of ``Note``.

    The log has remarks on the epochs at which they were made: a later epoch, or the end, makes them
    false. Without the run, or without epochs, the newest of the log is all there is.
    """
    logged = state["notes"][-1] if state["notes"] else None
    epochs = surviving(state)
    if run is None or status is None or not epochs:
        return logged
    progress = state["progress"] or {}
    planned = (state["started"] or {}).get("epochs") or 0
    ended = status.name not in ("running", "queued") or 0 < planned <= len(epochs)
    ended = ended or progress.get("phase") in PHASES_AFTER_TRAINING
    key = (epochs[-1]["epoch"], status.name, ended)
    if state.get("remark", (None,))[0] != key:  # asked several times a second
        state["remark"] = (key, _advice(run, epochs, ended))
    remark: dict[str, Any] | None = state["remark"][1]
    if status.name in ("failed", "interrupted"):  # it broke off: only what explains it
        remark = next((one for one in (remark, logged) if one and one["level"] == "warning"), None)
    return remark


def _advice(run: Run, epochs: list[dict[str, Any]], ended: bool) -> dict[str, Any] | None:
    """What the coach says of ``epochs``, as a dictionary of ``Note``."""
    names = [field.name for field in fields(EpochEnd)]
    record = run.dataset
    counts = record.get("counts") or {}
    try:
        config = run.settings
    except BadInputError:
        return None
    note = advise(
        Situation(
            epochs=[
                EpochEnd(**{name: one[name] for name in names if name in one}) for one in epochs
            ],
            classes=len(record.get("classes") or []),
            config=config,
            train_pictures=counts.get("train", 0),
            val_pictures=counts.get("val", 0),
            ended=ended,
        )
    )
    return asdict(note) if note else None


def _measure_button(run: Run) -> None:
    """What more pictures would bring is told on Evaluate."""
    if st.button("Measure what more would bring", key="coach-do", icon=ICON):
        begin_learning_curve(current_workspace(), run)
        deep_links.go_to(EVALUATE, run=run.id)


def _change_button(change: dict[str, Any], run: Run, status: Status) -> None:
    is_over = status.name in ("finished", "stopped", "failed", "interrupted")
    if not is_over and (status.name != "running" or status.stopping or "epochs" in change):
        return
    if set(change) == {"epochs"}:
        if status.name == "finished" and st.button(
            f"Train for {change['epochs']} epochs", key="coach-do", icon=":material/trending_up:"
        ):
            engine.resume(current_workspace(), run, epochs=int(change["epochs"]))
            st.rerun()
        return
    words = in_words(change)
    label = f"Retry with {words}" if is_over else f"Stop, and retry with {words}"
    if st.button(plain(label), key="coach-do", icon=":material/restart_alt:"):
        try:
            config = run.config.changed(**change)
        except BadInputError as error:
            st.html(f"<p>{escape(error)}</p>")
            return
        if not is_over:
            engine.stop(current_workspace(), run)
        new_run = engine.start(current_workspace(), config, run.dataset, parent=run.id)
        deep_links.go_to(TRAIN, run=new_run.id)


def _known_settings(change: Any) -> dict[str, Any]:
    """What of it is a setting: the log may come from a newer Lensmith."""
    if not isinstance(change, dict):
        return {}
    return {name: value for name, value in change.items() if name in names_of()}


def in_words(change: dict[str, Any]) -> str:
    """A change as a button says it; of a whole recipe, its first setting.

    >>> in_words({"learning_rate": 0.0001}), in_words({"learning_rate": 1e-06})
    ('learning rate 0.0001', 'learning rate 0.000001')
    >>> in_words({"freeze_backbone": False, "learning_rate": 0.0003})
    'the whole network trained'
    """
    name, value = next(iter(change.items()))
    if name == "freeze_backbone":
        return "the whole network trained" if not value else "the last layer trained"
    label = str(TrainConfig.__dataclass_fields__[name].metadata["label"]).lower()
    if name == "folds":
        return f"{value} folds"
    if isinstance(value, (int, float)):  # written out: nobody reads powers of ten
        return f"{label} {f'{value:.7f}'.rstrip('0').rstrip('.')}"
    return f"{label} {choice_label(value).lower()}"
