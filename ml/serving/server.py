"""The inference worker's server: reads requests from a pipe and writes responses to another.

One thread reads. A few threads work on concurrent operations, so that the pictures of several
people are decoded and classified together; one thread works on all others in turn. The requests
that wait are bounded: beyond that nothing more is read, and the writer at the other end waits.
"""

import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from ml.serving.classification import UNFORESEEN_MODEL
from ml.serving.handlers import is_concurrent
from ml.serving.micro_batching import MAX_BATCH
from ml.serving.protocol import Frame, Refusal, read_frame, write_frame
from ml.serving.service import Worker

MAX_WAITING_BYTES = 128 * 2**20
"""Bytes of pictures that wait or are worked on; one alone may be larger."""
MIN_REQUEST_BYTES = 2 * 2**20
"""What a request counts at least: a small file may be a large picture."""

log = logging.getLogger(__name__)


def serve(source: IO[bytes], sink: IO[bytes], idle_seconds: float) -> None:
    """Answer frames from ``source`` into ``sink`` until it closes or the worker is idle so long.

    A response has the ``id`` of its request; a later request may be answered first.

    Raises:
        ValueError: what comes is not a frame.
    """
    worker, idle, waiting = Worker(), _IdleExit(idle_seconds), _WaitingBytes()
    writing = threading.Lock()

    def answer(header: dict[str, Any], data: bytes) -> None:
        try:
            try:
                response = worker.answer(header, data)
            except Exception:
                log.exception("A request could not be answered.")
                response = Refusal(UNFORESEEN_MODEL).to_frame()
            with writing, suppress(OSError, ValueError):  # the asking process may be gone
                write_frame(sink, *_with_id(header, response))
        finally:
            waiting.leave(len(data))
            idle.leave()

    with ThreadPoolExecutor(MAX_BATCH, "concurrent") as many, ThreadPoolExecutor(1, "other") as one:
        while (frame := read_frame(source)) is not None:
            header, data = frame
            idle.enter()
            waiting.enter(len(data))
            (many if is_concurrent(header.get("op")) else one).submit(answer, header, data)


def _with_id(request: dict[str, Any], response: Frame) -> Frame:
    header, data = response
    return ({**header, "id": request["id"]} if "id" in request else header), data


class _WaitingBytes:
    """Lets a request in once there is room for its bytes."""

    def __init__(self) -> None:
        self._taken, self._changed = 0, threading.Condition()

    def enter(self, size: int) -> None:
        size = max(size, MIN_REQUEST_BYTES)
        with self._changed:
            self._changed.wait_for(
                lambda: not self._taken or self._taken + size <= MAX_WAITING_BYTES
            )
            self._taken += size

    def leave(self, size: int) -> None:
        with self._changed:
            self._taken -= max(size, MIN_REQUEST_BYTES)
            self._changed.notify()


class _IdleExit:
    """Ends the process when no request was worked on for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.busy, self.idle_since = seconds, 0, time.monotonic()
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def enter(self) -> None:
        with self._lock:
            self.busy += 1

    def leave(self) -> None:
        with self._lock:
            self.busy, self.idle_since = self.busy - 1, time.monotonic()

    def _watch(self) -> None:
        while self.busy or time.monotonic() - self.idle_since < self.seconds:
            time.sleep(min(1.0, self.seconds / 4))
        os._exit(0)  # the main thread waits for input, which nothing else can interrupt
