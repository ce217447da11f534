"""Only the hosts and pages that the owner means reach a real server, by HTTP or websocket."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

from dashboard.server.trusted_hosts import Trust
from ml.workspace import open_workspace
from tests.browser.serving import App
from tests.helpers.visitors import request, visitor

LOOPBACK = Trust(hosts=("localhost", "127.0.0.1", "::1"))


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., App]]:
    """Starts servers with these options."""
    with ExitStack() as stack:

        def start(*options: str, **settings: Any) -> App:
            workspace = open_workspace(tmp_path_factory.mktemp("app") / "workspace")
            app = App(workspace, options=list(options), **settings)
            stack.callback(app.end_workers)
            stack.callback(app.kill)
            return app.start()

        yield start


@pytest.fixture(scope="module")
def server(serve: Callable[..., App]) -> App:
    """A server with the options of the repository."""
    return serve()


def refused(app: App, host: str = "", origin: str | None = None) -> bool:
    """Whether the server refuses a websocket with these headers; else it has drawn the app."""
    try:
        with visitor(app.url(), host, origin) as session:
            assert "Lensmith" in str(session.rerun())
    except InvalidStatus as error:
        return error.response.status_code == 403
    return False


def test_its_own_page_draws_the_app(server: App) -> None:
    assert not refused(server)
    assert not refused(server, host=f"localhost:{server.port}")


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.example", "192.168.1.7"])
def test_a_name_that_was_made_to_lead_here_is_refused(server: App, host: str) -> None:
    assert refused(server, host=f"{host}:{server.port}")
    for path in ("", "train", "_stcore/health", "app/frame", "_stcore/host-config"):
        status, _, text = request(server.url(path), Host=f"{host}:{server.port}")
        assert status == 403, path
        assert "was not started for the address" in text
        assert "allowedHosts" in text


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:1",
        "http://localhost",
        "http://localhost:9999",
        "https://127.0.0.1",
        "null",
        "file://",
    ],
)
def test_a_page_of_another_origin_is_refused(server: App, origin: str) -> None:
    assert refused(server, origin=origin)
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        status, _, text = request(server.url("_stcore/upload_file/a/b"), method, Origin=origin)
        assert status == 403, method
        assert "its own pages alone" in text


def test_a_foreign_page_cannot_show_the_app_in_a_frame(server: App) -> None:
    for path in ("", "train", "app/static/inter.woff2"):
        status, head, _ = request(server.url(path))
        assert status == 200
        assert "frame-ancestors 'self'" in head["content-security-policy"]


def test_what_the_owner_names_is_let_in(serve: Callable[..., App]) -> None:
    app = serve(
        "--server.allowedHosts=127.0.0.1",
        "--server.allowedHosts=lens.example",
        "--server.allowedHosts=*.club.example",
        "--server.corsAllowedOrigins=https://portal.example",
    )
    for host in ("lens.example", "a.club.example", f"127.0.0.1:{app.port}"):
        assert not refused(app, host=host), host
        assert request(app.url(), Host=host)[0] == 200
    assert not refused(app, host="lens.example", origin="https://lens.example")
    assert not refused(app, host="lens.example", origin="https://portal.example")
    assert refused(app, host="lens.example", origin="https://portal.example.evil.example")
    for host in ("club.example", "lens.example.evil.example", "notlens.example"):
        assert refused(app, host=host), host
    assert "checkip" not in app.log()


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("LOCALHOST:8501", "http://localhost:8501", True),
        ("localhost.:8501", None, True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("localhost", "https://localhost", True),
        ("localhost:443", "https://localhost", True),
        ("localhost:8501", "http://localhost", False),
        ("localhost:8501", "ftp://localhost:8501", False),
        ("localhost:8501", "http://user@localhost:8501", False),
        ("user@localhost", None, False),
        ("localhost/x", None, False),
        ("localhost:x", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_hosts_and_origins_are_compared_by_name_and_port(
    host: str | None, origin: str | None, allowed: bool
) -> None:
    pairs = {"host": host, "origin": origin}
    headers = Headers({name: value for name, value in pairs.items() if value is not None})
    assert (LOOPBACK.problem(headers) == "") is allowed


def test_a_header_that_comes_twice_is_refused() -> None:
    twice = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert LOOPBACK.problem(Headers(raw=twice))
    twice = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"null")]
    assert LOOPBACK.problem(Headers(raw=twice))


def test_an_empty_list_of_hosts_leaves_loopback_alone() -> None:
    assert Trust(hosts=()).problem(Headers({"host": "lens.example"}))
    assert not Trust(hosts=()).problem(Headers({"host": "localhost"}))
    assert not Trust(hosts=("*",)).problem(Headers({"host": "lens.example"}))
