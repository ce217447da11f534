"""Who may send frames of a live camera: tabs that were given a pass, which ends with them.

A pass is a secret that the server gives to one tab over its own connection. It stands for one
model, lets through one frame at a time and not too many a second.
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

LOCAL_EVERY, PUBLIC_EVERY = 0.125, 0.2
"""Seconds from frame to frame: eight a second on one's own computer, five where many share one."""
AHEAD = 2
"""So many frames may come early, which is made up for by later ones: networks are no clocks."""

Ask = Callable[[bytes], dict[str, Any]]
"""Answers one frame, a JPEG."""


class RefusedError(Exception):
    """This frame is not answered; says why, with the HTTP status that says so to a program."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class _Pass:
    session: str
    ask: Ask
    busy: bool = False
    due: float = float("-inf")


class Passes:
    """The passes that are out. Any number of threads may share them.

    Args:
        alive: whether the session with that id is connected.
        clock: seconds.
    """

    def __init__(
        self, alive: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._alive, self._clock = alive, clock
        self._passes: dict[str, _Pass] = {}
        self._lock = threading.Lock()

    def issue(self, session: str, ask: Ask) -> str:
        """A new pass for a session; the one that it had ends, as do those of tabs that are gone."""
        word = secrets.token_urlsafe(32)
        with self._lock:
            self._passes = {
                known: held
                for known, held in self._passes.items()
                if held.session != session and self._alive(held.session)
            }
            self._passes[word] = _Pass(session, ask)
        return word

    @contextmanager
    def admitted(self, word: str) -> Iterator[Ask]:
        """What answers a frame with this pass, for as long as the ``with`` lasts.

        Raises:
            RefusedError: there is no such pass, its tab is gone, or it is too early.
        """
        with self._lock:
            held, now = self._passes.get(word), self._clock()
            if held is None or not self._alive(held.session):
                raise RefusedError(403, "This page is out of date. Load it again.")
            if held.busy or now < held.due - AHEAD * every():
                raise RefusedError(429, "Frames come too fast.")
            held.busy, held.due = True, max(held.due, now) + every()
        try:
            yield held.ask
        finally:
            held.busy = False

    def __contains__(self, word: str) -> bool:
        return word in self._passes


def every() -> float:
    """Seconds from one frame of a tab to the next, in this mode."""
    return LOCAL_EVERY if local_mode() else PUBLIC_EVERY


def _connected(session: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session)


passes = Passes(_connected)
"""Those of this server."""
