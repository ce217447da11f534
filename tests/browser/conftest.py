"""A real server and a real browser for the tests in this folder.

``app``      a server on a free port over a temporary workspace of its own. One a test module, since
             it takes seconds to start: tests that change the workspace say so in their names.
             ``app.url("train", run=...)`` is an address, ``app.workspace`` the workspace,
             ``app.kill()`` ends the server at once, ``app.start()`` starts it again on the same
             port, ``app.log()`` is what it printed, ``app.pid`` its process.
``new_app``  makes further servers: ``new_app(base_path="lens")``, or, to be slow to send,
             ``new_app(module="tests.browser.slow_server")``.
``page``     a fresh tab of a fresh browser profile, 1280 px wide and light. The test fails if a
             script error shows up in it.
``new_page`` makes further tabs, each with its own profile:
             ``new_page(width=390, color_scheme="dark")``.
``visit``    ``visit(page, address)`` opens an address and waits until the page has been drawn.
``drawn``    ``drawn(page, "chart-loss")`` waits for the chart with that key and returns it.

The browser is Chromium, Chrome or Edge as installed on the system; ``LENSMITH_BROWSER`` names one.
Wait for what should appear (``expect(...)``), never for a time.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from ml.workspace import open_workspace
from tests.browser.serving import ARGUMENTS, TIMEOUT_MS, App, find_browser, wait_until_settled
from tests.helpers.offline.sitecustomize import is_local
from tests.helpers.traced_graphs import link_graphs, shared_graphs

expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("No Chromium, Chrome or Edge was found. Install one, or set LENSMITH_BROWSER.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def new_app(tmp_path_factory: pytest.TempPathFactory, graphs: Path) -> Iterator[Callable[..., App]]:
    started: list[App] = []

    def make(**settings: Any) -> App:
        workspace = open_workspace(tmp_path_factory.mktemp("app") / "workspace")
        for other in started:
            link_graphs(other.workspace.graphs, graphs)
        stack.enter_context(shared_graphs(graphs, workspace))
        app = App(workspace, **settings)
        started.append(app)
        return app.start()

    with ExitStack() as stack:
        yield make
        for app in started:
            app.kill()
            app.end_workers()


@pytest.fixture(scope="module")
def app(new_app: Callable[..., App]) -> App:
    return new_app()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts, errors = [], []

    # Streamlit asks for its health below a page's own address first: that 404 is no error. Nor is
    # a server that a test has killed, or that Streamlit says that there is no such page.
    expected = (
        *("404", "WebSocket", "ERR_CONNECTION", "disconnected", "does not seem to exist"),
        *("attempting to reach /_stcore/health", "Streamlit server is not responding"),
    )

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in expected):
            errors.append(message.text)

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and not is_local(address.hostname):
            errors.append(f"This would have left the computer: {request.url}")

    def make(width: int = 1280, height: int = 900, **settings: Any) -> Page:
        settings = {"color_scheme": "light", "reduced_motion": "reduce", **settings}
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", on_console)
        page.on("request", on_request)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()


@pytest.fixture
def visit() -> Callable[[Page, str], Page]:
    def go(page: Page, address: str) -> Page:
        page.goto(address)
        expect(page.locator("h1").first).to_be_visible()
        wait_until_settled(page)
        return page

    return go


@pytest.fixture
def drawn() -> Callable[[Page, str], Locator]:
    def find(page: Page, key: str) -> Locator:
        chart = page.locator(f".st-key-{key} .lens-plot.lens-drawn .lens-plot-box")
        expect(chart).to_be_visible()
        return chart

    return find
