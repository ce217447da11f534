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
ACCELERATORS = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}


def sidebar(workspace: Workspace) -> None:
    """Draw it. The badge looks again by itself only while something is training or waiting."""
    st.logo(str(ASSETS / "mark.svg"), size="large")
    with st.sidebar:
        st.fragment(_badge, run_every=BADGE_SECONDS if _busy(workspace) else None)(workspace)
        st.html(f'<p class="lens-version">Lensmith {__version__}</p>')
        start_loading(now=on_page(TRAIN))


def _busy(workspace: Workspace) -> bool:
    return any(engine.with_status(workspace, name) for name in ("running", "queued"))


def _badge(workspace: Workspace) -> None:
    running = engine.with_status(workspace, "running")
    waiting = engine.with_status(workspace, "queued")
    memory = psutil.virtual_memory()
    for run in running[:3]:
        progress = live.latest(run)
        share = float(progress.get("share", 0.0))
        left = progress.get("seconds_left")
        st.html(
            f'<div class="lens-badge" role="status"><strong>{escape(progress["words"])}</strong>'
            f"<span>{percentage(share, digits=0)}</span>"
            f'<progress max="1" value="{share:.3f}" aria-label="Progress"></progress>'
            f"<small>{escape(run.dataset.get('name', ''))}"
            f"{', ' + duration(left) + ' left' if left is not None else ''}</small></div>"
        )
        watched = on_page(TRAIN) and selection.selected().run == run.id
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
