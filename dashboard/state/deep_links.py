"""Deep links: addresses that open one page with a run, a data set or a search selected."""

from typing import NoReturn

import streamlit as st

from dashboard.state.navigation import HOME, PAGES, url_path
from dashboard.state.selection import query_parameters, select
from dashboard.state.tab import tab_state
from dashboard.state.workspace import current_workspace
from ml.workspace import Workspace

ENTRY = "streamlit_app.py"


def open_page(page: str) -> Workspace:
    """First line of every page. ``page`` is its path in ``PAGES``.

    If the first visit after the server started is a deep link, Streamlit runs that page without the
    entry script. Then this remembers the page and its parameters and goes to the entry, which comes
    back here.
    """
    tab = tab_state()
    if not tab.entered:
        tab.requested_page = (page, dict(st.query_params))
        st.switch_page(ENTRY)
    return current_workspace()


def read_address() -> None:
    """Called by the entry before the navigation: select what the address names."""
    tab_state().entered = True
    select(dict(st.query_params))


def return_to_requested_page() -> None:
    """Called by the entry after the navigation: go to the page that ``open_page`` remembered."""
    requested = tab_state().requested_page
    forget_requested_page()
    if requested:
        page, parameters = requested
        select(parameters)
        st.switch_page(page, query_params=parameters)


def forget_requested_page() -> None:
    """Do not go to the page that ``open_page`` remembered."""
    tab_state().requested_page = None


def go_to(
    page: str, *, run: str | None = None, data: str | None = None, sweep: str | None = None
) -> NoReturn:
    """Go to a page (its path in ``PAGES``), with what is given selected."""
    select({"run": run, "data": data, "sweep": sweep})
    selected = {name: identifier for name, identifier in query_parameters().items() if identifier}
    st.switch_page(page, query_params=selected or None)


def link(page: str, run: str | None = None) -> str:
    """The address of a page relative to the app, for links inside HTML."""
    pages = {row.path for row in PAGES}
    assert page in pages, page
    base = "./" if page == HOME else url_path(page)
    return f"{base}?run={run}" if run else base
