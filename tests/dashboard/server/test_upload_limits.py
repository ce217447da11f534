"""Uploads are limited as they arrive at a real server, whose memory stays bounded."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import psutil
import pytest
from starlette.exceptions import HTTPException

from dashboard.compat.streamlit_uploads import Held
from dashboard.server.limits import PUBLIC
from dashboard.server.upload_limits import MIN_BYTES_COUNTED, REFRESH_SECONDS, UploadBudget
from ml.workspace import open_workspace
from tests.browser.serving import App
from tests.helpers.visitors import Visitor, request, visitor

MB = 1_000_000
CHUNK = bytes(256 * 1024)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server for strangers."""
    app = App(open_workspace(tmp_path_factory.mktemp("app") / "workspace"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSMITH_PUBLIC", "1")
        app.start()
    yield app
    app.kill()
    app.end_workers()


@pytest.fixture
def open_tab(server: App) -> Iterator[Callable[[], Visitor]]:
    """Opens tabs, which are closed with the test."""
    with ExitStack() as stack:

        def open_one() -> Visitor:
            tab = stack.enter_context(visitor(server.url()))
            tab.rerun()
            return tab

        yield open_one


def put(app: App, session: str, name: str, megabytes: float, announce: bool = False) -> int:
    """Send a file in chunks and return the status. A refusal may come before its end."""
    place = urlsplit(app.url())
    head = request(app.url("_stcore/health"))[1]
    token = head.get("set-cookie", "=").split("=", 1)[1].split(";")[0]
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    before = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    pieces = [before, *[CHUNK] * round(megabytes * MB / len(CHUNK)), b"\r\n--x--\r\n"]
    try:
        connection.putrequest("PUT", f"/_stcore/upload_file/{session}/{name}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Cookie", f"_streamlit_xsrf={token}")
        connection.putheader("X-Xsrftoken", token)
        if announce:
            connection.putheader("Content-Length", str(sum(map(len, pieces))))
        else:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        try:
            for piece in pieces:
                connection.send(piece if announce else b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.send(b"" if announce else b"0\r\n\r\n")
        except OSError:
            pass  # refused in the middle
        try:
            return connection.getresponse().status
        except OSError:
            return 0
    finally:
        connection.close()


def resident(app: App) -> float:
    return float(psutil.Process(app.pid).memory_info().rss / MB)


def test_a_file_of_a_size_that_is_allowed_is_taken(server: App, open_tab) -> None:
    tab = open_tab()
    assert put(server, tab.session, "a", 40) == 204
    assert put(server, tab.session, "b", 40, announce=True) == 204


@pytest.mark.parametrize("announce", [True, False])
def test_a_file_that_is_too_large_is_refused(server: App, open_tab, announce: bool) -> None:
    assert put(server, open_tab().session, "a", 60, announce) in (413, 0)


def test_a_session_has_a_budget(server: App, open_tab) -> None:
    tab = open_tab()
    assert [put(server, tab.session, str(n), 40) for n in range(2)] == [204, 204]
    assert put(server, tab.session, "2", 40) in (413, 0)
    assert put(server, tab.session, "3", 10) == 204, "a refused file is not counted"


def test_a_session_that_is_not_open_sends_nothing(server: App) -> None:
    assert put(server, "00000000-0000-0000-0000-000000000000", "a", 1) in (400, 0)


def test_memory_stays_bounded_under_a_flood_and_comes_back(
    server: App, until: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight tabs send 8 x 200 MB at once; an hour of that would take no more."""
    with visitor(server.url()) as first:
        first.rerun()
        until(lambda: put(server, first.session, "a", 1) == 204, 60)  # those before are gone
    before, peak, statuses = resident(server), 0.0, []
    with ExitStack() as stack:
        tabs = [stack.enter_context(visitor(server.url())) for _ in range(8)]
        for tab in tabs:
            tab.rerun()

        def flood(tab: Visitor) -> None:
            statuses.extend(put(server, tab.session, str(n), 40) for n in range(5))

        threads = [threading.Thread(target=flood, args=(tab,)) for tab in tabs]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, resident(server))
            threads[0].join(0.05)
        assert 204 in statuses
        assert {*statuses} - {204} <= {413, 429, 0}
        assert statuses.count(204) * 40 <= PUBLIC.server_megabytes * 1.05
    until(lambda: resident(server) < before + 60, 60)
    with capsys.disabled():
        print(
            f"\n8 tabs x 5 x 40 MB: resident {before:.0f} -> {peak:.0f} MB at most, "
            f"{resident(server):.0f} MB once the tabs are gone; "
            f"{statuses.count(204)} of {len(statuses)} taken"
        )
    assert peak < before + PUBLIC.server_megabytes * 1.05 + 150


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENSMITH_PUBLIC", "1")


def test_what_came_in_counts_before_streamlit_is_asked_again(public: None) -> None:
    holds: dict[str, Held] = {}
    now = 0.0
    budget = UploadBudget(lambda: holds, lambda: now)
    budget.check("a", 0)
    for _ in range(2):
        with budget.file("a") as count:
            count(45 * MB)
    with pytest.raises(HTTPException, match="at a time"):
        budget.check("a", 20 * MB)
    budget.check("b", 20 * MB)
    now = REFRESH_SECONDS
    budget.check("a", 20 * MB)
    holds = {one: Held(2, 95 * MB) for one in "bcd"}
    now *= 2
    with pytest.raises(HTTPException, match="Others"):
        budget.check("a", 40 * MB)


def test_a_visitor_has_a_total_even_where_the_page_takes_each_file_at_once(public: None) -> None:
    now = 0.0
    budget = UploadBudget(dict, lambda: now)
    for _ in range(7):
        now += 1
        with budget.file("a") as count:
            count(45 * MB)
    with pytest.raises(HTTPException, match="a visitor"):
        budget.check("a", 1)


def test_empty_files_count_too(public: None) -> None:
    many = PUBLIC.server_megabytes * MB * 2 // MIN_BYTES_COUNTED
    budget = UploadBudget(lambda: {"a": Held(many, 0)})
    with pytest.raises(HTTPException, match="Others"):
        budget.check("b", 0)
    with pytest.raises(HTTPException, match="files at a time"):
        budget.check("a", 0)
