"""Visiting a page without a browser, through the app's own entry."""

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from dashboard.server.static import ROOT


class _Navigated(PagesManager):
    """As a server that has run the entry once: AppTest would take the folder ``pages`` for
    Streamlit's old kind of app in every run, and run the pages without the entry."""


PagesManager.uses_pages_directory = False
app_test.PagesManager = _Navigated


def visit(page: str, run: str | None = None, data: str | None = None) -> AppTest:
    """The page ``pages/<page>.py`` with ``run`` and ``data`` in the address, as a fresh tab sees
    it."""
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    if run:
        at.query_params["run"] = run
    if data:
        at.query_params["data"] = data
    at.run()
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception, at.exception
    return at


def words(at: AppTest) -> str:
    """All text on the page outside of widgets, as it was sent."""
    kinds = (at.markdown, at.html, at.caption, at.title, at.subheader, at.error, at.info)
    return "\n".join(str(item.value) for kind in kinds for item in kind)
