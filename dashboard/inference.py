"""The pages' way to a model: a child process that decodes pictures and classifies them. Another
one changes pictures as a training does.

The child is ``python -m ml worker``. It is started at the first picture, started again when it has
ended, and a picture that ends it twice is not tried again. Light: no torch, no ONNX Runtime.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from ml.errors import BadInputError, MLError
from ml.frames import MOST_BYTES, Frame, read_frame, write_frame
from ml.predict import unreadable

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60.0
"""How long one picture may take, the start of the child included."""
AUGMENTER_IDLE = 180.0
"""Seconds after which the worker that changes pictures ends: it holds a few hundred MB."""
TRIES = 2
_FATAL = (
    "This picture ended the program that reads pictures, twice, and is not tried again. Save it "
    "anew in another program, or leave it out."
)


class _EndedError(Exception):
    """The child ended, or was ended, before it answered."""


class InferenceClient:
    """Asks the inference worker, one request at a time. Any number of threads may share it.

    Args:
        seconds: how long one picture may take before the worker is ended.
        command: what starts the worker.
    """

    def __init__(self, seconds: float = SECONDS, command: tuple[str, ...] = ()) -> None:
        self.seconds = seconds
        self.command = command or (sys.executable, "-m", "ml", "worker")
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._fatal: deque[str] = deque(maxlen=100)

    def classify(self, run_folder: Path, data: bytes, name: str, top_k: int = 5) -> dict[str, Any]:
        """What the model of a run makes of a picture.

        As ``ml.predict.Classifier.judge``, with ``seen``, the picture as the model sees it (PNG),
        and ``preview``, the picture itself, upright and small (WebP). For a picture that cannot be
        read, ``error`` is a sentence, ``label`` and the two pictures are None.

        Args:
            run_folder: a run's folder, or a model folder.

        Raises:
            BadInputError: there is no such model, or it was changed or is damaged.
            MLError: the worker cannot be started.
        """
        nothing = {"seen": None, "preview": None}
        digest = hashlib.sha256(data).hexdigest()
        if len(data) > MOST_BYTES:
            text = f"The file is larger than {MOST_BYTES // 2**20} MB. Make it smaller."
            return {**unreadable(name, text), **nothing}
        if digest in self._fatal:
            return {**unreadable(name, _FATAL), **nothing}
        folder = run_folder / "model" if (run_folder / "model").is_dir() else run_folder
        request = {"op": "classify", "folder": str(folder.resolve()), "name": name, "top_k": top_k}
        for _ in range(TRIES):
            try:
                answer, pictures = self._ask(request, data)
            except TimeoutError:
                text = f"This picture took longer than {self.seconds:.0f} seconds and was given up."
                return {**unreadable(name, f"{text} Try a smaller one."), **nothing}
            except _EndedError:
                continue
            if "refused" in answer:
                raise BadInputError(answer["refused"])
            if answer["result"]["error"]:
                return {**answer["result"], **nothing}
            parts = {"seen": pictures[: answer["seen"]], "preview": pictures[answer["seen"] :]}
            return {**answer["result"], **parts}
        self._fatal.append(digest)
        return {**unreadable(name, _FATAL), **nothing}

    def why(self, run_folder: Path, seen: bytes, label: str, method: str) -> dict[str, Any]:
        """What counted for class ``label``, as ``ml.explain.why.Explainer.explain`` tells.

        Args:
            seen: the picture as ``classify`` gave it.
            method: the name of one of the model's methods; empty for its best.

        Raises:
            BadInputError: there is no such model, class or method.
            MLError: the worker cannot be started, or gave up.
        """
        asked = {"op": "why", "folder": str((run_folder / "model").resolve()), "label": label}
        for _ in range(TRIES):
            try:
                answer, _ = self._ask({**asked, "method": method}, seen)
            except (TimeoutError, _EndedError):
                continue
            if "refused" in answer:
                raise BadInputError(answer["refused"])
            return answer
        raise MLError("The worker that explains answers gave up, twice. See the server's log.")

    def augment(
        self, request: Mapping[str, Any], pictures: Sequence[bytes]
    ) -> tuple[list[bytes], list[float]]:
        """Versions of the first picture, encoded, and how much of each is that picture.

        Args:
            request: as ``ml.data.showing.show`` takes it, without op and sizes.

        Raises:
            BadInputError: a picture cannot be read, or there is no such change.
            MLError: the worker cannot be started, or gives up on these pictures.
        """
        sizes = [len(one) for one in pictures]
        asked = {**request, "op": "augment", "sizes": sizes}
        for _ in range(TRIES):
            try:
                answer, data = self._ask(asked, b"".join(pictures))
            except (TimeoutError, _EndedError):
                continue
            if "refused" in answer:
                raise BadInputError(answer["refused"])
            ends = list(accumulate(answer["sizes"], initial=0))
            return [data[start:end] for start, end in pairwise(ends)], answer["shares"]
        raise MLError("These pictures could not be changed: the worker gave up on them, twice.")

    def instant(self, root: Path, name: str, version: int, before: int) -> dict[str, Any]:
        """What a change of a data set did, as ``ml.instant_worker.Instant.answer`` tells.

        Raises:
            BadInputError: there are too few pictures, or one cannot be read.
            MLError: the worker cannot be started, or gave up.
        """
        asked: dict[str, Any] = {"op": "instant", "workspace": str(root), "dataset": name}
        for _ in range(TRIES):
            try:
                answer, _ = self._ask({**asked, "version": version, "before": before})
            except (TimeoutError, _EndedError):
                continue
            if "refused" in answer:
                raise BadInputError(answer["refused"])
            return answer
        raise MLError("The worker that fits a head gave up, twice. See the server's log.")

    def ping(self) -> int:
        """The process id of the worker, started if it was not running.

        Raises:
            MLError: it cannot be started.
        """
        for _ in range(TRIES):
            try:
                return int(self._ask({"op": "ping"})[0]["pid"])
            except (_EndedError, TimeoutError):
                continue
        raise MLError("The inference worker ends as soon as it starts. See the server's log.")

    def close(self) -> None:
        """End the worker, where it runs. The next request starts another."""
        with self._lock:
            self._end()

    def _ask(self, header: dict[str, Any], data: bytes = b"") -> Frame:
        """One request and its answer.

        Raises:
            TimeoutError: it took too long; the worker was ended.
            _EndedError: the worker ended first.
        """
        with self._lock:
            worker, late = self._running(), threading.Event()

            def give_up() -> None:
                late.set()
                worker.kill()

            alarm = threading.Timer(self.seconds, give_up)
            alarm.daemon = True
            alarm.start()
            try:
                assert worker.stdin is not None
                assert worker.stdout is not None
                write_frame(worker.stdin, header, data)
                answer = read_frame(worker.stdout)
            except (OSError, ValueError):
                answer = None
            except BaseException:
                self._end()  # its answer would be taken for that to the next request
                raise
            finally:
                alarm.cancel()
            if answer is not None:
                return answer
            self._end()
            raise TimeoutError if late.is_set() else _EndedError

    def _running(self) -> "subprocess.Popen[bytes]":
        """The worker, started if there is none or it has ended."""
        if self._worker is not None and self._worker.poll() is not None:
            self._end()
        if self._worker is None:
            paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
            try:
                self._worker = subprocess.Popen(
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
        return self._worker

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written has no reader
                    pipe.close()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def client() -> InferenceClient:
    """The one client of this server, shared by all sessions."""
    return InferenceClient()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def augmenter() -> InferenceClient:
    """The one client for changed pictures: its worker holds torch, and ends when it is idle."""
    command = (sys.executable, "-m", "ml", "worker", "--idle", f"{AUGMENTER_IDLE:g}")
    return InferenceClient(command=command)


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def explainer() -> InferenceClient:
    """The one client for reasons, which take many answers each: pictures need not wait for them.
    Its worker ends when it is idle."""
    command = (sys.executable, "-m", "ml", "worker", "--idle", f"{AUGMENTER_IDLE:g}")
    return InferenceClient(command=command)


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def fitter() -> InferenceClient:
    """The one client for instant mode: its worker keeps features at hand, and ends when idle."""
    command = (sys.executable, "-m", "ml", "worker", "--idle", f"{AUGMENTER_IDLE:g}")
    return InferenceClient(command=command)
