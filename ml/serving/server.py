"""Frames in, frames out: how the inference worker serves several requests at a time.

One thread reads what is asked. Pictures to classify are worked on by a few threads, so that those
of several people are decoded and answered together; whatever else is asked by one thread in turn.
What waits is bounded: then nothing more is read, and whoever writes waits.
"""

import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from ml.serving.micro_batching import MOST
from ml.serving.protocol import Frame, read_frame, write_frame
from ml.serving.service import Worker

MOST_WAITING = 128 * 2**20
"""Bytes of pictures that wait or are worked on; one alone may be larger."""
UNFORESEEN = "Something unforeseen went wrong with this model. See the server's log."
LEAST = 2 * 2**20
"""What a request counts at least: a small file may be a large picture."""

log = logging.getLogger(__name__)


def serve(source: IO[bytes], sink: IO[bytes], idle_seconds: float) -> None:
    """Answer frames from ``source`` into ``sink`` until it closes or nobody asks any more. An
    answer has the ``id`` of its question; a question that came later may be answered first.

    Raises:
        ValueError: what comes is not a frame.
    """
    worker, idle, room, writing = Worker(), _Idle(idle_seconds), _Room(), threading.Lock()

    def answer(header: dict[str, Any], data: bytes) -> None:
        try:
            try:
                told, more = worker.answer(header, data)
            except Exception:
                log.exception("A request could not be answered.")
                told, more = {"refused": UNFORESEEN}, b""
            with writing, suppress(OSError, ValueError):  # whoever asked may be gone
                write_frame(sink, *_signed(header, told, more))
        finally:
            room.leave(len(data))
            idle.leave()

    with ThreadPoolExecutor(MOST, "picture") as many, ThreadPoolExecutor(1, "other") as one:
        while (frame := read_frame(source)) is not None:
            idle.enter()
            room.enter(len(frame[1]))
            (many if frame[0].get("op") in ("classify", "ping") else one).submit(answer, *frame)


def _signed(asked: dict[str, Any], told: dict[str, Any], data: bytes) -> Frame:
    return ({**told, "id": asked["id"]} if "id" in asked else told), data


class _Room:
    """Lets in what fits; the rest waits outside."""

    def __init__(self) -> None:
        self._taken, self._changed = 0, threading.Condition()

    def enter(self, size: int) -> None:
        with self._changed:
            size = max(size, LEAST)
            self._changed.wait_for(lambda: not self._taken or self._taken + size <= MOST_WAITING)
            self._taken += size

    def leave(self, size: int) -> None:
        with self._changed:
            self._taken -= max(size, LEAST)
            self._changed.notify()


class _Idle:
    """Ends the process when no request was worked on for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.busy, self.since = seconds, 0, time.monotonic()
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def enter(self) -> None:
        with self._lock:
            self.busy += 1

    def leave(self) -> None:
        with self._lock:
            self.busy, self.since = self.busy - 1, time.monotonic()

    def _watch(self) -> None:
        while self.busy or time.monotonic() - self.since < self.seconds:
            time.sleep(min(1.0, self.seconds / 4))
        os._exit(0)  # the main thread waits for input, which nothing else can interrupt
