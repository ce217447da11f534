"""Decoder pool: a few threads that decode pictures, and others for while slow ones are decoded."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from ml.data.pixels.cpu_budget import cpu_seconds_of

THREADS = 2
"""As many as keep two cores busy. They bound memory: a thread keeps what it once used."""
MAX_EXTRA_THREADS = 4
SLOW_SECONDS = 1.0
"""A picture that takes more computing gets a thread of its own: it keeps no other waiting."""

Result = TypeVar("Result")


class DecoderPool:
    """Runs functions in threads, first come, first served.

    When one computes for longer than ``SLOW_SECONDS``, another thread takes its place, up to
    ``MAX_EXTRA_THREADS``; the slow thread ends with its work.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._started_at: dict[int, float] = {}
        self._slow: set[int] = set()
        for _ in range(THREADS):
            self._start()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, function: Callable[[], Result]) -> "Future[Result]":
        """Run a function as soon as there is a thread; its result or error is in the future."""
        future: Future[Result] = Future()
        self._work.put((future, function))
        return future

    def _start(self) -> None:
        threading.Thread(target=self._decode, name="decoder", daemon=True).start()

    def _decode(self) -> None:
        """Work on what comes, until this thread was slow and another has its place."""
        thread = threading.get_ident()
        while True:
            future, function = self._work.get()
            with self._lock:
                self._started_at[thread] = time.thread_time()
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            del future, function  # an idle thread holds no picture
            with self._lock:
                del self._started_at[thread]
                if thread in self._slow:
                    self._slow.discard(thread)
                    return

    def _watch(self) -> None:
        while True:
            time.sleep(SLOW_SECONDS / 4)
            with self._lock:
                for thread, started in self._started_at.items():
                    if thread in self._slow or len(self._slow) >= MAX_EXTRA_THREADS:
                        continue
                    if cpu_seconds_of(thread, started) > SLOW_SECONDS:
                        self._slow.add(thread)
                        self._start()
