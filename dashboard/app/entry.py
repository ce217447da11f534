"""Entry script: the frame of every page: page config, workspace, navigation, sidebar."""

import gc

import streamlit as st

from dashboard.app import demo
from dashboard.components.widgets.empty_state import full_page
from dashboard.components.widgets.error_message import error_message
from dashboard.components.widgets.sidebar import sidebar
from dashboard.server import start, static, style
from dashboard.state import deep_links, redraw, selection
from dashboard.state.navigation import navigation
from dashboard.state.open_dialog import close_dialog_of_other_page
from dashboard.state.shown_page import clear_page_hash, note_page
from dashboard.state.workspace import open_current_workspace
from dashboard.workers import engine
from ml import __version__
from ml.errors import WorkspaceError

# After each drawing Streamlit looks for garbage among all objects. Those of the modules stay, and
# to look through them again took a tenth of a second each time.
gc.freeze()


def draw() -> None:
    """Draw the frame and, in it, the page that the address names."""
    st.set_page_config(
        page_title="Lensmith",
        page_icon=str(static.ASSETS / "mark.svg"),
        layout="wide",
        menu_items={"About": f"Lensmith {__version__}. Train an image classifier without code."},
    )
    redraw.clear()
    close_dialog_of_other_page()
    clear_page_hash()
    deep_links.read_address()
    try:
        start.check_environment()  # again in each run, since secrets set variables after the start
        static.publish()
        style.apply()
        workspace = open_current_workspace()
        if demo.requested_run():
            demo.draw()
            st.stop()
        engine.ensure_dispatcher(workspace)
    except WorkspaceError as error:
        full_page("Lensmith cannot be used here", str(error))
        st.stop()
    page = navigation()
    note_page(page.url_path)
    deep_links.return_to_requested_page()
    missing_sentences = selection.drop_missing()
    selection.write_address()
    sidebar(workspace)
    for sentence in missing_sentences:
        st.info(sentence)
    with error_message():
        page.run()
    redraw.perform()
