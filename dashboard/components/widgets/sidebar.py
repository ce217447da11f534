"""Sidebar: what is training, the hardware, and the version."""

import psutil
import streamlit as st

from dashboard.components.widgets.plot import start_loading
from dashboard.queries import live
from dashboard.server.static import ASSETS
from dashboard.state import deep_links, redraw, selection
from dashboard.state.navigation import TRAIN
from dashboard.state.shown_page import on_page
from dashboard.state.tab import tab_state
from dashboard.text.html import escape
from dashboard.text.wording import count, duration, percentage, size
from dashboard.workers import engine
from ml import __version__, hardware
from ml.workspace import Workspace

BADGE_SECONDS = 2.0
WATCHED_SECONDS = 0.7
"""On Train, where the bar of the run is drawn as often: both are to say the same."""
ACCELERATORS = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}


def sidebar(workspace: Workspace) -> None:
    """Draw it. The badge looks again by itself only while something is training or waiting."""
    st.logo(str(ASSETS / "mark.svg"), size="large")
    with st.sidebar:
        st.fragment(_badge, run_every=_seconds(workspace))(workspace)
        st.html(f'<p class="lens-version">Lensmith {__version__}</p>')
        start_loading(now=on_page(TRAIN))


def _seconds(workspace: Workspace) -> float | None:
    """How often the badge looks again."""
    if not _busy(workspace):
        return None
    return WATCHED_SECONDS if on_page(TRAIN) else BADGE_SECONDS


def _busy(workspace: Workspace) -> bool:
    return any(engine.with_status(workspace, name) for name in ("running", "queued"))


def _badge(workspace: Workspace) -> None:
    running = engine.with_status(workspace, "running")
    waiting = engine.with_status(workspace, "queued")
    memory = psutil.virtual_memory()
    for run in running[:3]:
        watched = on_page(TRAIN) and selection.selected().run == run.id
        stage = live.latest(run, stopping=engine.status(run).stopping)
        share, left = float(stage["share"]), stage["seconds_left"]
        st.html(
            f'<div class="lens-badge" role="status"><strong>{escape(stage["words"])}</strong>'
            f"<span>{percentage(share, digits=0)}</span>"
            f'<progress max="1" value="{share:.3f}" aria-label="Progress"></progress>'
            f"<small>{escape(run.name)}"
            f"{', ' + duration(left) + ' left' if left is not None else ''}</small></div>"
        )
        if not watched and st.button("Watch", key=f"badge-{run.id}", width="stretch"):
            deep_links.go_to(TRAIN, run=run.id)
    if waiting:
        st.caption(f"{count(len(waiting), 'run')} waiting")
    st.html(
        f'<p class="lens-machine"><span>{escape(_device())}</span>'
        f"<span>{size(memory.available)} of {size(memory.total)} free</span></p>"
    )
    tab, busy = tab_state(), bool(running or waiting)
    ended, tab.training_was_busy = tab.training_was_busy and not busy, busy
    if ended:
        redraw.request()


def _device() -> str:
    """What this computer trains on."""
    here = hardware.describe()
    return ACCELERATORS.get(here.accelerator) or count(here.cores, "CPU core")
