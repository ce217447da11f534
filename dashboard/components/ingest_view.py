"""Pictures being brought in: progress, a way to call it off, and what came of it."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.preparing import Ingest
from dashboard.style import escape
from dashboard.text import plain
from dashboard.words import count, percent
from ml.config import TrainConfig
from ml.errors import BadInputError

TICK_SECONDS = 0.5


def start_ingest(source: Path, then: dict[str, Any] | None = None) -> None:
    """Bring the folder ``source`` in. ``then`` may hold a configuration to ``train`` afterwards."""
    if not source.is_dir():
        st.session_state["ingest-said"] = ("error", f"There is no folder {source}. Check the path.")
        return
    try:
        st.session_state["ingest"] = Ingest(source, then or {}).start(session.workspace())
    except OSError as error:
        said = f"The reading could not be started: {error.strerror or error}."
        st.session_state["ingest-said"] = ("error", said)


def ingest_view() -> dict[str, Any] | None:
    """Draw what is under way. Returns the ``then`` of an ingest that has just ended well."""
    ingest: Ingest | None = st.session_state.get("ingest")
    if ingest is not None and ingest.running:
        st.fragment(_progress, run_every=TICK_SECONDS)(ingest)
        return None
    then = _ended(ingest) if ingest is not None else None
    kind, said = st.session_state.get("ingest-said", ("", ""))
    if said:
        (st.warning if kind == "error" else st.info)(plain(said))
        st.session_state.pop("ingest-said", None)
    return then


def under_way() -> bool:
    """Whether pictures are being brought in for this tab."""
    ingest: Ingest | None = st.session_state.get("ingest")
    return ingest is not None and ingest.running


def _progress(ingest: Ingest) -> None:
    if not ingest.running:
        st.rerun()
    with st.container(border=True, key="card-ingest", horizontal=True, vertical_alignment="center"):
        done = ingest.progress
        st.html(
            '<div class="lens-progress"><div><span class="lens-status lens-running">Reading the '
            f"pictures</span><span>{escape(ingest.source.name)}</span><span>{percent(done, 0)}"
            f'</span></div><progress max="1" value="{done:.3f}" aria-label="Reading"></progress>'
            "</div>"
        )
        if st.button("Cancel", key="cancel-ingest"):
            ingest.cancel()
            st.session_state.pop("ingest", None)
            st.rerun()


def _ended(ingest: Ingest) -> dict[str, Any] | None:
    """Take note of how it ended: the new set is chosen, or the reason is said."""
    del st.session_state["ingest"]
    try:
        result = ingest.result()
    except BadInputError as error:
        st.session_state["ingest-said"] = ("error", str(error))
        return None
    st.session_state["wanted-dataset"] = result["name"]
    refused = len(result.get("refused") or [])
    if not ingest.then:
        told = f"{count(int(result['accepted']), 'picture')} read."
        if refused:
            first = result["refused"][0]
            told += (
                f" {count(refused, 'file')} left out, such as {first['file']}: {first['reason']}"
            )
        st.session_state["ingest-said"] = ("info", told)
    return ingest.then


def wanted_training(then: dict[str, Any] | None) -> TrainConfig | None:
    """The configuration that was to be trained once the pictures are there."""
    return TrainConfig.from_json(then["train"]) if then and "train" in then else None
