"""Frame tokens: which tabs may send frames of a live camera, and how many a second.

A token is a secret that the server gives to one tab over its own connection. It is for one model,
lets through one frame at a time, and ends with the tab.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from streamlit import runtime

from dashboard.server.limits import local_mode

LOCAL_FRAME_SECONDS, PUBLIC_FRAME_SECONDS = 0.125, 0.2
"""Seconds from frame to frame: eight frames a second locally, five on a public server."""
MAX_FRAMES_AHEAD = 2
"""How many frames may come early, since networks jitter; later frames make up for them."""

Ask = Callable[[bytes], dict[str, Any]]
"""Answers one frame, a JPEG."""


class RefusedError(Exception):
    """A frame is refused: a sentence for the user, and an HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class _Token:
    session: str
    ask: Ask
    busy: bool = False
    due: float = float("-inf")


class FrameTokens:
    """The tokens that were issued. Any number of threads may share them.

    Args:
        alive: whether the session with that id is connected.
        clock: seconds.
    """

    def __init__(
        self, alive: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._alive, self._clock = alive, clock
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def issue(self, session: str, ask: Ask) -> str:
        """A new token for a session; its former one ends, and those of tabs that are gone."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens = {
                other: token
                for other, token in self._tokens.items()
                if token.session != session and self._alive(token.session)
            }
            self._tokens[secret] = _Token(session, ask)
        return secret

    @contextmanager
    def admitted(self, secret: str) -> Iterator[Ask]:
        """What answers a frame with this token, while the ``with`` lasts.

        Raises:
            RefusedError: there is no such token, its tab is gone, or it is too early.
        """
        with self._lock:
            token, now = self._tokens.get(secret), self._clock()
            if token is None or not self._alive(token.session):
                raise RefusedError(403, "This page is out of date. Load it again.")
            if token.busy or now < token.due - MAX_FRAMES_AHEAD * frame_interval():
                raise RefusedError(429, "Frames come too fast.")
            token.busy, token.due = True, max(token.due, now) + frame_interval()
        try:
            yield token.ask
        finally:
            token.busy = False

    def __contains__(self, secret: str) -> bool:
        return secret in self._tokens


def frame_interval() -> float:
    """Seconds from one frame of a tab to the next, in this mode."""
    return LOCAL_FRAME_SECONDS if local_mode() else PUBLIC_FRAME_SECONDS


def _connected(session: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session)


frame_tokens = FrameTokens(_connected)
"""Those of this server."""
