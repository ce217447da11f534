"""What one browser tab knows: typed access to ``st.session_state``, and the run in its address.

Whatever must outlive the tab is in the workspace or in the address (``?run=``).
"""

from typing import Any, NoReturn

import streamlit as st

from dashboard.navigation import HOME, PAGES, url_path
from ml.errors import BadInputError
from ml.runs import Run, find
from ml.workspace import Workspace, open_workspace

ENTRY = "streamlit_app.py"


def open_once() -> Workspace:
    """The workspace of this process. The entry calls it in every run, so that a full or read-only
    disk shows at once.

    Raises:
        WorkspaceError: it cannot be used; the message is for the page.
    """
    workspace = open_workspace()
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


def adopt() -> None:
    """Called by the entry before the navigation: notes that it ran, and the run in the address."""
    st.session_state["entered"] = True
    if run := st.query_params.get("run"):
        st.session_state["run"] = run


def return_to_wanted() -> None:
    """Called by the entry after the navigation: go to the page that ``begin`` remembered."""
    wanted = st.session_state.pop("wanted", None)
    if wanted:
        page, parameters = wanted
        if parameters.get("run"):
            st.session_state["run"] = parameters["run"]
        st.switch_page(page, query_params=parameters)


def stamp() -> None:
    """Called by the entry: put the chosen run back into the address, which a page switch drops."""
    run = st.session_state.get("run")
    if run and st.query_params.get("run") != run:
        st.query_params["run"] = run
    elif not run and "run" in st.query_params:
        del st.query_params["run"]


def forget_gone() -> bool:
    """Called by the entry: let go of a run that is not there any more. True if it was so."""
    gone = bool(st.session_state.get("run")) and current_run() is None
    if gone:
        st.session_state["run"] = None
    return gone


def current_run() -> Run | None:
    """The run in hand, or None where there is none or it is gone."""
    identifier = st.session_state.get("run")
    if not identifier:
        return None
    try:
        return find(workspace(), identifier, with_model=False)
    except BadInputError:
        return None


def choose_run(identifier: str | None) -> None:
    """Take a run in hand: all pages speak of it from now on, and the address names it."""
    st.session_state["run"] = identifier
    stamp()


def go(page: str, *, run: str | None = None) -> NoReturn:
    """Go to a page (its path in ``PAGES``), with a run in hand where one is given."""
    if run:
        st.session_state["run"] = run
    chosen = st.session_state.get("run")
    st.switch_page(page, query_params={"run": chosen} if chosen else None)


def link(page: str, run: str | None = None) -> str:
    """The address of a page relative to the app, for links inside HTML."""
    known = {row.path for row in PAGES}
    assert page in known, page
    base = "./" if page == HOME else url_path(page)
    return f"{base}?run={run}" if run else base


def state(name: str, default: Any) -> Any:
    """The entry ``name`` of this tab's memory, set to ``default`` where there is none."""
    return st.session_state.setdefault(name, default)
