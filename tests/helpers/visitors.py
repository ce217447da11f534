"""A visitor without a browser: Streamlit's websocket and uploads over real connections."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

SECONDS_TO_ANSWER = 60


@dataclass
class Visitor:
    """One session at a server."""

    connection: ClientConnection
    session: str = ""
    messages: list[ForwardMsg] = field(default_factory=list)

    def send(self, message: BackMsg) -> None:
        self.connection.send(message.SerializeToString())

    def rerun(self, query: str = "", page: str = "") -> list[ForwardMsg]:
        """Run the script as a browser does, until its end; the messages that came."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        self.send(message)
        return self.until_finished()

    def until_finished(self) -> list[ForwardMsg]:
        """The messages up to the end of a run of the script."""
        came: list[ForwardMsg] = []
        while not came or came[-1].WhichOneof("type") != "script_finished":
            message = ForwardMsg()
            message.ParseFromString(self.connection.recv(SECONDS_TO_ANSWER))
            came.append(message)
            if message.HasField("new_session"):
                self.session = message.new_session.initialize.session_id or self.session
        self.messages += came
        return came


def text_of(messages: list[ForwardMsg]) -> str:
    """Everything that messages hold, to search in."""
    return "\n".join(map(str, messages))


@contextmanager
def visitor(address: str, host: str = "", origin: str | None = None) -> Iterator[Visitor]:
    """A session at ``address`` (http://...), with these headers in place of the true ones."""
    place = urlsplit(address)
    host = host or place.netloc
    with connect(
        f"ws://{host}{place.path.rstrip('/')}/_stcore/stream",
        sock=socket.create_connection((place.hostname, place.port), SECONDS_TO_ANSWER),
        origin=origin or f"http://{host}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
    ) as connection:
        yield Visitor(connection)


def request(address: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of the answer to one HTTP request with exactly these headers."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.putrequest(method, place.path or "/", skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        head = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, head, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
