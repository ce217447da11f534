"""The guard of the whole suite: nothing that a test does leaves this computer unseen."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.helpers.offline import sitecustomize as offline

SOMEWHERE = "192.0.2.1"  # an address that is for documents, and nobody's
FETCH = "import urllib.request; urllib.request.urlopen('http://checkip.example/', timeout=5)"
ASK_OWN_ADDRESS = "from streamlit import net_util; print(net_util.get_external_ip())"


@pytest.fixture
def attempts() -> Iterator[Callable[[], str]]:
    """What the guard has noted in this test, which is forgotten at its end."""
    log = Path(os.environ[offline.LOG_VARIABLE])
    before = log.stat().st_size
    yield lambda: log.read_text(encoding="utf-8")[before:]
    os.truncate(log, before)


@pytest.mark.parametrize(
    "leave",
    [
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: socket.gethostbyname("example.org"),
        lambda: socket.create_connection((SOMEWHERE, 80), 1),
        lambda: urllib.request.urlopen("http://example.org", timeout=1),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", (SOMEWHERE, 53)),
        lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_would_leave_is_refused_and_noted(
    leave: Callable[[], object], attempts: Callable[[], str]
) -> None:
    with pytest.raises(OSError, match="offline"):
        leave()
    assert attempts().startswith("socket.")


@pytest.mark.parametrize("code", [FETCH, ASK_OWN_ADDRESS])
def test_children_are_watched_too(code: str, attempts: Callable[[], str]) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert "checkip" in attempts()


def test_this_computer_can_be_asked(attempts: Callable[[], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name in ("127.0.0.1", "localhost"):
            socket.create_connection((name, server.getsockname()[1]), 5).close()
    left, right = socket.socketpair()
    left.close()
    right.close()
    assert attempts() == ""
