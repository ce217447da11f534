"""Weights are fetched once, checked, kept; a broken download goes on; offline it is a sentence."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ml.errors import MLError, StoppedError
from ml.models.download import fetch

CONTENT = bytes(range(256)) * 4096
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


class Server:
    """A server of one file that notes what was asked and may break off."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.content, self.stop_after = CONTENT, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.headers.get("Range") or "")
                start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
                if not self.path.endswith(NAME):
                    self.send_error(404)
                    return
                self.send_response(206 if start else 200)
                body = outer.content[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: outer.stop_after or None])

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/{NAME}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    new_server = Server()
    yield new_server
    new_server.close()


def test_a_file_is_downloaded_once_with_progress(server: Server, tmp_path: Path) -> None:
    shares: list[float] = []
    path = fetch(server.address, tmp_path, "resnet18", shares.append)
    assert path == tmp_path / NAME
    assert path.read_bytes() == CONTENT
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 2
    fetch(server.address, tmp_path, "resnet18", shares.append)
    assert server.asked == [""]


def test_an_interrupted_download_resumes_at_its_byte(server: Server, tmp_path: Path) -> None:
    server.stop_after = 300_000
    with pytest.raises(MLError, match="resnet18"):
        fetch(server.address, tmp_path, "resnet18", lambda share: None)
    assert not (tmp_path / NAME).exists()
    server.stop_after = 0
    assert fetch(server.address, tmp_path, "x", lambda share: None).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-"]


def test_a_stopped_download_leaves_a_partial_file_alone(server: Server, tmp_path: Path) -> None:
    def stop(share: float) -> None:
        raise StoppedError("Stopped as you asked.")

    with pytest.raises(StoppedError):
        fetch(server.address, tmp_path, "resnet18", stop)
    assert not (tmp_path / NAME).exists()
    assert fetch(server.address, tmp_path, "x", lambda share: None).read_bytes() == CONTENT


def test_a_file_with_a_wrong_hash_is_never_kept(server: Server, tmp_path: Path) -> None:
    server.content = b"x" + CONTENT[1:]
    with pytest.raises(MLError, match="damaged"):
        fetch(server.address, tmp_path, "resnet18", lambda share: None)
    assert not list(tmp_path.glob("*.pth*[!k]"))


def test_a_damaged_file_is_downloaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half")
    assert fetch(server.address, tmp_path, "x", lambda share: None).read_bytes() == CONTENT


def test_a_file_copied_by_hand_is_used_without_a_network(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    path = fetch(f"http://127.0.0.1:9/{NAME}", tmp_path, "x", lambda share: None)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("there", [False, True], ids=["no server", "no such file"])
def test_without_a_network_the_error_names_file_and_folder(
    server: Server, tmp_path: Path, there: bool
) -> None:
    missing = server.address.replace(NAME, "gone-12345678.pth")
    url = missing if there else f"http://127.0.0.1:9/{NAME}"
    with pytest.raises(MLError) as raised:
        fetch(url, tmp_path, "resnet18", lambda share: None)
    assert url.rpartition("/")[2] in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert "Connect to the internet" in str(raised.value)
