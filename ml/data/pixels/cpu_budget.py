"""CPU budget of a picture: decoding one may take so many seconds of computing, and no more.

A file is read in small pieces while it is decoded, and each piece asks whether there is time left.
Where a format is decoded in one call of a library, ``end_process_beyond`` ends the process.
"""

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ml.errors import BadInputError

MAX_CPU_SECONDS = 10.0
"""The largest pictures that are read take two or three."""
MAX_CPU_SECONDS_OF_A_HEADER = 2.0
"""A header takes a millisecond."""
MAX_CPU_SECONDS_OF_A_CALL = 30.0
"""After so long a process that ``end_process_beyond`` watches is ended."""
MAX_SCANNED_PIXELS = 20 * 64_000_000
"""Pixels of a JPEG times its scans: each scan is a pass over all of them. Cameras write one scan,
progressive pictures ten."""
WATCH_SECONDS = 1.0
PIECE_BYTES = 4096
CALLS_PER_CHECK = 256
"""Small reads between two looks at the clock, which is slower than they are."""
_SCAN = b"\xff\xda"
EXIT_CODE = 75

log = logging.getLogger(__name__)
_running: dict[int, float] = {}
_lock = threading.Lock()


class SlowPictureError(BadInputError):
    """Decoding a picture takes more computing than one may have."""

    def __init__(self) -> None:
        super().__init__(TOO_SLOW)


TOO_SLOW = (
    "Reading this picture takes more computing than one picture may have, so it was given up. "
    "Save it anew in another program, or leave it out."
)


class BudgetedBytes(io.BytesIO):
    """The bytes of a picture, which cannot be read any more once its time is over.

    Raises:
        SlowPictureError: at a read after this thread has computed for longer than is allowed: for
            a header at first.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._calls, self._until = 0, 0.0
        self.allow(MAX_CPU_SECONDS_OF_A_HEADER)

    def allow(self, seconds: float) -> None:
        """Let this thread compute for so many seconds from now on."""
        self._until = time.thread_time() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes."""
        self._check(size is None or size < 0 or size >= PIECE_BYTES)
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """A line."""
        self._check(False)
        return super().readline(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a place."""
        self._check(False)
        return super().seek(offset, whence)

    def _check(self, is_large: bool) -> None:
        self._calls += 1
        is_due = is_large or self._calls % CALLS_PER_CHECK == 0
        if is_due and time.thread_time() > self._until:
            raise SlowPictureError


def check_scans(data: bytes, width: int, height: int) -> None:
    """Raises SlowPictureError where a JPEG passes over its pixels too often."""
    if data.count(_SCAN) * width * height > MAX_SCANNED_PIXELS:
        raise SlowPictureError


@contextmanager
def watched() -> Iterator[None]:
    """The decoding of one picture by this thread, for ``end_process_beyond``. Do not nest it."""
    thread = threading.get_ident()
    with _lock:
        _running[thread] = time.thread_time()
    try:
        yield
    finally:
        with _lock:
            del _running[thread]


def end_process_beyond(seconds: float = MAX_CPU_SECONDS_OF_A_CALL) -> None:
    """End this process, from now on, when decoding a picture takes so many seconds of computing.

    A call into a library cannot be interrupted. Whoever asked finds the process gone.
    """
    threading.Thread(target=_watch, args=(seconds,), daemon=True).start()


def _watch(seconds: float) -> None:
    while True:
        time.sleep(WATCH_SECONDS)
        with _lock:  # a thread that is watched does not end meanwhile, so it has a clock
            longest = max([cpu_seconds_of(*one) for one in _running.items()], default=0.0)
        if longest > seconds:
            log.error("Decoding a picture took %.0f s of computing: the process ends.", longest)
            os._exit(EXIT_CODE)


def cpu_seconds_of(thread: int, started: float) -> float:
    """What a thread has computed since its clock was at ``started``; 0 where nobody can tell.

    The thread must not end meanwhile.
    """
    if sys.platform == "win32":
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread)) - started
