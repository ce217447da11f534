"""What one browser tab knows: typed access to ``st.session_state``, and what its address names.

Whatever must outlive the tab is in the workspace or in the address (``?run=``, ``?data=`` and
``?sweep=``).
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.server.streamlit_patches import SHOWN
from dashboard.state.navigation import HOME, PAGES, url_path
from ml.data.ingest.bring_in import BUNDLED_NAMES
from ml.data.store.versions import latest
from ml.errors import BadInputError
from ml.models.plugins import discovery as plugins
from ml.runs.folder import Run, find
from ml.tuning.sweep import Sweep
from ml.workspace import Workspace, open_workspace

ENTRY = "streamlit_app.py"
IN_HAND = ("run", "data", "sweep")
"""What the address names: a run and a search by their ids, a data set by its name."""
REDRAW = "redraw"
WINDOW, WINDOW_ASKED = "window", "window-asked"
"""The window above the page that is open, and the names that were asked for in this drawing."""


def open_once() -> Workspace:
    """The workspace of this process. The entry calls it in every run, so that a full or read-only
    disk shows at once.

    Raises:
        WorkspaceError: it cannot be used; the message is for the page.
    """
    workspace = open_workspace()
    plugins.use(workspace)
    st.session_state["workspace"] = workspace
    return workspace


def workspace() -> Workspace:
    """The workspace that the entry opened."""
    found = st.session_state.get("workspace")
    return found if found is not None else open_once()


def begin(page: str) -> Workspace:
    """First line of every page. ``page`` is its path in ``PAGES``.

    If the first visit after the server started is a page's own address, Streamlit runs that page
    without the entry. Then this remembers the page and its parameters and goes to the entry, which
    comes back here.
    """
    if not st.session_state.get("entered"):
        st.session_state["wanted"] = (page, dict(st.query_params))
        st.switch_page(ENTRY)
    return workspace()


def on_page(path: str) -> bool:
    """Whether the page with this path is the one that is shown."""
    return bool(st.session_state.get("page") == url_path(path))


def arrive(page: str) -> None:
    """Called by the entry after the navigation: notes the page that is shown (``url_path``)."""
    st.session_state["page"] = page
    context = get_script_run_ctx()
    if context:
        st.session_state[SHOWN] = context.page_script_hash


def adopt() -> None:
    """Called by the entry before the navigation: notes that it ran, and what the address names."""
    st.session_state["entered"] = True
    st.session_state.pop(REDRAW, None)  # it is being drawn
    opened, _ = st.session_state.get(WINDOW, ("", None))
    if opened not in st.session_state.get(WINDOW_ASKED, ()):  # its page was left
        st.session_state.pop(WINDOW, None)
    st.session_state[WINDOW_ASKED] = frozenset()
    st.session_state.pop(SHOWN, None)  # until one is: the page for others never arrives
    _take_in_hand(dict(st.query_params))


def redraw() -> None:
    """Have the whole page drawn, for something has ended that it speaks of.

    A part that draws itself again goes no further: it happens at once. While the whole page is
    drawn it happens at the end: this drawing may be the answer to a press on something further
    down, which another one in its place would not know of.
    """
    context = get_script_run_ctx()
    if context and context.fragment_ids_this_run:
        st.rerun()
    st.session_state[REDRAW] = True


def leave() -> None:
    """Called by the entry when the page has been drawn: draw it anew where that was asked for."""
    if st.session_state.get(REDRAW):
        st.rerun()


def return_to_wanted() -> None:
    """Called by the entry after the navigation: go to the page that ``begin`` remembered."""
    wanted = st.session_state.pop("wanted", None)
    if wanted:
        page, parameters = wanted
        _take_in_hand(parameters)
        st.switch_page(page, query_params=parameters)


def stamp() -> None:
    """Called by the entry: put what is in hand back into the address, which a page switch drops."""
    for kind in IN_HAND:
        held = st.session_state.get(kind)
        if held and st.query_params.get(kind) != held:
            st.query_params[kind] = held
        elif not held and kind in st.query_params:
            del st.query_params[kind]


def forget_gone() -> list[str]:
    """Called by the entry: let go of what is not there any more. A sentence for each."""
    told = []
    if st.session_state.get("run") and current_run() is None:
        st.session_state["run"] = None
        told.append(
            "The run in the address is not there any more. You may find it in the trash of Runs."
        )
    if st.session_state.get("data") and current_data() is None:
        st.session_state["data"] = None
        told.append("The data set in the address is not there any more.")
    if st.session_state.get("sweep") and current_sweep() is None:
        st.session_state["sweep"] = None
        told.append("The search in the address is not there any more.")
    return told


def current_run() -> Run | None:
    """The run in hand, or None where there is none or it is gone."""
    identifier = st.session_state.get("run")
    if not identifier:
        return None
    try:
        return find(workspace(), identifier, with_model=False)
    except BadInputError:
        return None


def current_data() -> str | None:
    """The name of the data set in hand, or None where there is none or it is gone."""
    name = st.session_state.get("data")
    if not name:
        return None
    try:
        return name if name in BUNDLED_NAMES or latest(workspace(), name) else None
    except BadInputError:  # no name that a set could have
        return None


def current_sweep() -> Sweep | None:
    """The search in hand, or None where there is none or it is gone."""
    identifier = st.session_state.get("sweep")
    sweep = Sweep(workspace().sweeps / identifier) if identifier else None
    plain = sweep is not None and sweep.folder.parent == workspace().sweeps
    return sweep if sweep and plain and (sweep.folder / "sweep.json").is_file() else None


def choose_run(identifier: str | None) -> None:
    """Take a run in hand: all pages speak of it from now on, and the address names it."""
    st.session_state["run"] = identifier
    stamp()


def choose_data(name: str | None) -> None:
    """Take a data set in hand, as ``choose_run`` does with a run."""
    st.session_state["data"] = name
    stamp()


def choose_sweep(identifier: str | None) -> None:
    """Take a search in hand, as ``choose_run`` does with a run."""
    st.session_state["sweep"] = identifier
    stamp()


def go(
    page: str, *, run: str | None = None, data: str | None = None, sweep: str | None = None
) -> NoReturn:
    """Go to a page (its path in ``PAGES``), with what is given in hand."""
    _take_in_hand({"run": run, "data": data, "sweep": sweep})
    st.switch_page(page, query_params=in_hand() or None)


def in_hand() -> dict[str, str]:
    """What the address names, each where there is one."""
    held = {kind: st.session_state.get(kind) for kind in IN_HAND}
    return {kind: name for kind, name in held.items() if name}


def _take_in_hand(named: Mapping[str, str | None]) -> None:
    for kind in IN_HAND:
        if named.get(kind):
            st.session_state[kind] = named[kind]


def link(page: str, run: str | None = None) -> str:
    """The address of a page relative to the app, for links inside HTML."""
    known = {row.path for row in PAGES}
    assert page in known, page
    base = "./" if page == HOME else url_path(page)
    return f"{base}?run={run}" if run else base


def state(name: str, default: Any) -> Any:
    """The entry ``name`` of this tab's memory, set to ``default`` where there is none."""
    return st.session_state.setdefault(name, default)
