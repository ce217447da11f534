"""Upload limits: ASGI middleware that counts uploads as their bytes arrive.

Streamlit bounds a single file alone, and reads each into memory. Here a tab and the server as a
whole have a budget (``limits.Limits``) of what is held and on its way, so that the server's memory
is bounded whoever sends what. A file that exceeds it is refused in the middle, with status 413 or
429. When a tab is gone, so are its files, after a moment in which it may come back.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.compat import streamlit_uploads
from dashboard.compat.streamlit_uploads import RECONNECT_SECONDS, Held
from dashboard.server.limits import limits

UPLOAD_PATH = "/_stcore/upload_file/"
RETURN_SECONDS = 15
"""How long the files of a tab that has lost its connection are held."""
REFRESH_SECONDS = 0.25
"""So often at most is Streamlit asked what it holds, which takes a moment for many files."""
STALL_SECONDS = 60
"""An upload that sends nothing for so long is ended."""
MIN_BYTES_COUNTED = 4096
"""What a file counts at least, since an empty one takes memory, too."""
FORM_BYTES = 2**20
"""What a form may have around its file, as in Streamlit."""
TRY_AGAIN_LATER = 1013
"""The close code of a websocket that is one too many."""


class UploadLimits:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.budget = UploadBudget(streamlit_uploads.held)
        self.connections = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in and pass it on."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif scope["type"] == "http" and UPLOAD_PATH in scope["path"] and scope["method"] == "PUT":
            await self._upload(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.connections >= limits().tabs:
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": "Too many"})
            return
        self.connections += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.connections -= 1
            loop = asyncio.get_running_loop()
            loop.call_later(RETURN_SECONDS, self._close_abandoned_sessions)
            loop.call_later(RECONNECT_SECONDS + 1, streamlit_uploads.forget_expired_sessions)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = scope["path"].split(UPLOAD_PATH, 1)[1].split("/")[0]
        announced = Headers(scope=scope).get("content-length", "")
        try:
            if not streamlit_uploads.is_connected(session):
                raise HTTPException(400, "This page is out of date. Load it again.")
            self.budget.check(session, int(announced) if announced.isdecimal() else 0)
        except HTTPException as error:
            await PlainTextResponse(error.detail, error.status_code)(scope, receive, send)
            return
        with self.budget.file(session) as count:

            async def receive_counted() -> Message:
                try:
                    message = await asyncio.wait_for(receive(), STALL_SECONDS)
                except TimeoutError as error:
                    raise HTTPException(408, "The upload has stopped. Send it again.") from error
                count(len(message.get("body", b"")))
                return message

            await self.app(scope, receive_counted, send)

    def _close_abandoned_sessions(self) -> None:
        """End the sessions that have sent files and whose tab has not come back."""
        for session in self.budget.sessions():
            if not streamlit_uploads.is_connected(session):
                streamlit_uploads.close_session(session)
                self.budget.forget(session)


class UploadBudget:
    """What each session has on the server, on its way and held. For one thread.

    Args:
        held: what is held of each session. It is asked now and then; what has come in since is
            counted here, so that the sum is never too small.
        clock: seconds.
    """

    def __init__(
        self, held: Callable[[], dict[str, Held]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask_held, self._clock = held, clock
        self._held = _Tally()
        self._asked = float("-inf")
        self._came_in = _Tally()
        self._arriving = _Tally()
        self._received: Counter[str] = Counter()

    def check(self, session: str, more: int) -> None:
        """Whether ``more`` bytes of one file of a session may come in.

        Raises:
            HTTPException: they exceed a limit.
        """
        self._refresh()
        limit = limits()
        _check_size(more)
        tallies = (self._held, self._came_in, self._arriving)
        if sum(tally.files[session] for tally in tallies) > limit.files:
            raise HTTPException(413, f"{limit.files:,} files at a time are the most.")
        if sum(tally.bytes[session] for tally in tallies) + more > _bytes(limit.megabytes):
            raise HTTPException(413, f"{limit.megabytes:,} MB at a time are the most.")
        if 0 < _bytes(limit.session_megabytes) < self._received[session] + more:
            raise HTTPException(413, f"{limit.session_megabytes:,} MB a visitor are the most.")
        if sum(tally.bytes.total() for tally in tallies) + more > _bytes(limit.server_megabytes):
            raise HTTPException(429, "Others are sending pictures, too. Try again in a minute.")

    @contextmanager
    def file(self, session: str) -> Iterator[Callable[[int], None]]:
        """Counts the bytes of one file, which may raise as ``check`` does."""
        size, refused = 0, True
        self._arriving.add(session, MIN_BYTES_COUNTED, files=1)

        def count(more: int) -> None:
            nonlocal size, refused
            refused = True
            size += more
            self._arriving.add(session, more)
            self._received[session] += more
            _check_size(size)
            self.check(session, 0)
            refused = False

        try:
            yield count
        finally:
            self._arriving.add(session, -size - MIN_BYTES_COUNTED, files=-1)
            if not refused:
                self._came_in.add(session, size + MIN_BYTES_COUNTED, files=1)

    def sessions(self) -> set[str]:
        """Those that have sent anything."""
        return {*self._ask_held(), *self._received}

    def forget(self, session: str) -> None:
        """A session has ended, and holds nothing any more."""
        del self._received[session]
        self._asked = float("-inf")

    def _refresh(self) -> None:
        if self._clock() >= self._asked + REFRESH_SECONDS:
            self._held, self._asked = _Tally.of(self._ask_held()), self._clock()
            self._came_in = _Tally()


@dataclass
class _Tally:
    """Files and bytes by session."""

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, held: dict[str, Held]) -> "_Tally":
        sizes = {one: max(h.bytes, h.files * MIN_BYTES_COUNTED) for one, h in held.items()}
        return cls(Counter({one: h.files for one, h in held.items()}), Counter(sizes))

    def add(self, session: str, size: int, files: int = 0) -> None:
        self.files[session] += files
        self.bytes[session] += size
        if not self.files[session]:
            del self.files[session], self.bytes[session]


def _check_size(size: int) -> None:
    if size > limits().megabytes_a_file * 2**20 + FORM_BYTES:
        raise HTTPException(413, f"A file may have {limits().megabytes_a_file:,} MB at most.")


def _bytes(megabytes: int) -> int:
    """A limit in bytes, with what forms add to their files."""
    return int(megabytes * 1.05e6)
