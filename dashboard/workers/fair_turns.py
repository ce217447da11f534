"""Fair turns: visitors share a number of slots, whoever has the fewest comes next."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

HOLD_BACK_SECONDS = 600.0
"""For so long a visitor whose picture was given up shares one slot with all others of the kind."""
MAX_HELD_BACK = 1000


class FairTurns:
    """Slots that any number of threads share, each in the name of a visitor."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._changed = threading.Condition()
        self._active: Counter[str] = Counter()
        self._waiting: list[tuple[str, object]] = []
        self._held_back: dict[str, float] = {}

    @contextmanager
    def turn(self, visitor: str) -> Iterator[None]:
        """Hold a slot; waits for one."""
        ticket = (visitor, object())
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._next() is ticket)
            self._waiting.remove(ticket)
            self._active[visitor] += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._active[visitor] -= 1
                self._active += Counter()  # drops zeros
                self._changed.notify_all()

    def hold_back(self, visitor: str) -> None:
        """Let a visitor, whose picture was given up, share one slot with others of the kind."""
        if not visitor:
            return
        with self._changed:
            self._held_back.pop(visitor, None)
            self._held_back[visitor] = time.monotonic()
            while len(self._held_back) > MAX_HELD_BACK:
                del self._held_back[next(iter(self._held_back))]

    def _is_held_back(self, visitor: str) -> bool:
        since = self._held_back.get(visitor)
        return since is not None and time.monotonic() - since < HOLD_BACK_SECONDS

    def _next(self) -> tuple[str, object] | None:
        """The ticket whose turn it is; None while there is no slot for any."""
        if self._active.total() >= self._slots:
            return None
        busy = any(self._is_held_back(visitor) for visitor in self._active)
        waiting = [one for one in self._waiting if not (busy and self._is_held_back(one[0]))]
        return min(waiting, key=lambda one: self._active[one[0]], default=None)
