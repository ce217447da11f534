"""Channel: a child process that answers requests of ``ml.serving.protocol``, several at a time.

The channel starts the child at the first request, and again when it has ended. A request and its
response have the same ``id``, so that no response is taken for another's.
"""

import contextlib
import itertools
import os
import queue
import subprocess
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass, field
from pathlib import Path

from ml.errors import MLError
from ml.serving.protocol import (
    Frame,
    Request,
    Response,
    read_frame,
    response_of,
    write_frame,
)

ROOT = Path(__file__).resolve().parents[2]


class EndedError(Exception):
    """The child ended, or was ended, before it answered."""


@dataclass
class _Child:
    process: "subprocess.Popen[bytes]"
    waiting: "dict[int, Future[Frame]]" = field(default_factory=dict)
    unsent: "queue.SimpleQueue[Frame | None]" = field(default_factory=queue.SimpleQueue)
    ended: bool = False


class Channel:
    """Asks a child process. Any number of threads may share it.

    Args:
        command: what starts the child.
        seconds: how long a request may take, the start included, before the child is ended.
        max_requests: requests with the child at a time; more wait here, before their time begins.
    """

    def __init__(self, command: tuple[str, ...], seconds: float, max_requests: int) -> None:
        self.command, self.seconds = command, seconds
        self._numbers = itertools.count(1)
        self._room = threading.BoundedSemaphore(max_requests)
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def ask(self, request: Request, response_type: type[Response]) -> Response:
        """The response to one request.

        Raises:
            BadInputError: the child refused the request.
            TimeoutError: it took too long; the child was ended.
            EndedError: the child ended first.
            MLError: the child cannot be started.
        """
        header, data = request.to_frame()
        with self._room:
            answer: Future[Frame] = Future()
            with self._lock:
                child, number = self._running(), next(self._numbers)
                child.waiting[number] = answer
            child.unsent.put(({**header, "id": number}, data))
            try:
                frame = answer.result(self.seconds)
            except LateError:
                self._end(child)
                raise TimeoutError from None
            finally:
                with self._lock:
                    child.waiting.pop(number, None)
        return response_of(response_type, frame)

    @property
    def busy(self) -> int:
        """How many requests are with the child."""
        return len(self._child.waiting) if self._child is not None else 0

    def close(self) -> None:
        """End the child, where it runs. The next request starts another."""
        if self._child is not None:
            self._end(self._child)

    def _running(self) -> _Child:
        """The child, started if there is none or it has ended."""
        child = self._child
        if child is not None and not child.ended and child.process.poll() is None:
            return child
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise MLError(
                f"The inference worker cannot be started: {error.strerror or error}."
            ) from error
        self._child = child = _Child(process)
        threading.Thread(target=self._read, args=(child,), daemon=True).start()
        threading.Thread(target=_write, args=(child,), daemon=True).start()
        return child

    def _read(self, child: _Child) -> None:
        """Hand responses to the threads that wait, until the child ends or sends no frame."""
        assert child.process.stdout is not None
        with contextlib.suppress(OSError, ValueError, TypeError), child.process.stdout as pipe:
            while (frame := read_frame(pipe)) is not None:
                with self._lock:
                    answer = child.waiting.pop(frame[0].pop("id", 0), None)
                if answer is not None:  # else nobody waits any more
                    answer.set_result(frame)
        self._end(child)

    def _end(self, child: _Child) -> None:
        child.process.kill()
        child.process.wait()
        with self._lock:
            child.ended, unanswered = True, list(child.waiting.values())
            child.waiting.clear()
        child.unsent.put(None)
        for answer in unanswered:
            answer.set_exception(EndedError())


def _write(child: _Child) -> None:
    """Send the requests; only this thread waits when the child is slow to read."""
    assert child.process.stdin is not None
    with contextlib.suppress(OSError), child.process.stdin as pipe:
        while (frame := child.unsent.get()) is not None:
            write_frame(pipe, *frame)
