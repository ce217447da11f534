"""The pages' way to a model: a child process that decodes pictures and classifies them. Another
one changes pictures as a training does.

The child is ``python -m ml worker``. It is started at the first picture and started again when it
has ended; the pictures that were with it then are tried once more, each alone, and one that ends it
again is not tried any more. Light: no torch, no ONNX Runtime.
"""

import hashlib
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.workers.channel import Channel, EndedError
from ml.errors import BadInputError, MLError
from ml.inference.classifier import unreadable
from ml.serving.protocol import MOST_BYTES, Frame

SECONDS = 60.0
"""How long one picture may take, the start of the child included."""
OTHERS_IDLE = 180.0
"""Seconds after which the workers that do other things end: they hold a few hundred MB."""
LONGEST = 1280
"""Pixels a side that a frame of a camera may have."""
AT_ONCE = 16
"""Requests with the worker at a time: its queue stays shorter than ``SECONDS``, and small."""
TRIES = 2
_FATAL = (
    "This picture ended the program that reads pictures, twice, and is not tried again. Save it "
    "anew in another program, or leave it out."
)


class InferenceClient:
    """Asks the inference worker. Any number of threads may share it.

    Args:
        seconds: how long one picture may take before the worker is ended.
        command: what starts the worker.
        at_once: requests with the worker at a time.
    """

    def __init__(
        self, seconds: float = SECONDS, command: tuple[str, ...] = (), at_once: int = AT_ONCE
    ) -> None:
        command = command or (sys.executable, "-m", "ml", "worker")
        self.seconds = seconds
        self._worker = Channel(command, seconds, at_once)
        self._apart = Channel(command, seconds, 1)
        self._alone = threading.Lock()
        self._fatal: deque[str] = deque(maxlen=100)

    def classify(self, run_folder: Path, data: bytes, name: str, top_k: int = 5) -> dict[str, Any]:
        """What the model of a run makes of a picture.

        As ``ml.inference.classifier.Classifier.judge``, with ``seen``, the picture as the model
        sees it (PNG), and ``preview``, the picture itself, upright and small (JPEG). For a picture
        that cannot be read, ``error`` is a sentence, ``label`` and the two pictures are None.

        Args:
            run_folder: a run's folder, or a model folder.

        Raises:
            BadInputError: there is no such model, or it was changed or is damaged.
            MLError: the worker cannot be started.
        """
        nothing = {"seen": None, "preview": None}
        if len(data) > MOST_BYTES:
            text = f"The file is larger than {MOST_BYTES // 2**20} MB. Make it smaller."
            return {**unreadable(name, text), **nothing}
        if self._fatal and _digest(data) in self._fatal:
            return {**unreadable(name, _FATAL), **nothing}
        try:
            answer, pictures = self._twice(_question(run_folder, name, top_k), data)
        except TimeoutError:
            text = f"This picture took longer than {self.seconds:.0f} seconds and was given up."
            return {**unreadable(name, f"{text} Try a smaller one."), **nothing}
        except EndedError:
            self._fatal.append(_digest(data))
            return {**unreadable(name, _FATAL), **nothing}
        if "refused" in answer:
            raise BadInputError(answer["refused"])
        if answer["result"]["error"]:
            return {**answer["result"], **nothing}
        parts = {"seen": pictures[: answer["seen"]], "preview": pictures[answer["seen"] :]}
        return {**answer["result"], **parts}

    def _twice(self, request: dict[str, Any], data: bytes) -> Frame:
        """Ask the worker; where it ended, ask another one, and about nothing else at the same time:
        then it is known which picture ended it."""
        try:
            return self._worker.ask(request, data)
        except EndedError:
            with self._alone:
                try:
                    return self._apart.ask(request, data)
                finally:
                    self._apart.close()

    def glance(self, run_folder: Path, frame: bytes, top_k: int) -> dict[str, Any]:
        """What the model of a run makes of a camera's frame, a JPEG: as ``classify``, without the
        two pictures. It is not tried again: the next frame is the better one.

        Raises:
            BadInputError: the model cannot be used.
            MLError: the worker cannot be started, or gave up on this frame.
        """
        request = {**_question(run_folder, "", top_k), "longest": LONGEST}
        try:
            answer, _ = self._worker.ask(request, frame)
        except (TimeoutError, EndedError) as error:
            raise MLError("The program that reads pictures was started again.") from error
        if "refused" in answer:
            raise BadInputError(answer["refused"])
        result: dict[str, Any] = answer["result"]
        return result

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
        gave_up = "The worker that explains answers gave up, twice. See the server's log."
        return self._insist({**asked, "method": method}, seen, gave_up)[0]

    def augment(
        self, request: Mapping[str, Any], pictures: Sequence[bytes]
    ) -> tuple[list[bytes], list[float]]:
        """Versions of the first picture, encoded, and how much of each is that picture.

        Args:
            request: as ``ml.serving.augmentation.show`` takes it, without op and sizes.

        Raises:
            BadInputError: a picture cannot be read, or there is no such change.
            MLError: the worker cannot be started, or gives up on these pictures.
        """
        sizes = [len(one) for one in pictures]
        asked = {**request, "op": "augment", "sizes": sizes}
        gave_up = "These pictures could not be changed: the worker gave up on them, twice."
        answer, data = self._insist(asked, b"".join(pictures), gave_up)
        ends = list(accumulate(answer["sizes"], initial=0))
        return [data[start:end] for start, end in pairwise(ends)], answer["shares"]

    def instant(self, root: Path, name: str, version: int, before: int) -> dict[str, Any]:
        """What a change of a data set did, as ``ml.serving.quick_model.Instant.answer`` tells.

        Raises:
            BadInputError: there are too few pictures, or one cannot be read.
            MLError: the worker cannot be started, or gave up.
        """
        asked: dict[str, Any] = {"op": "instant", "workspace": str(root), "dataset": name}
        gave_up = "The worker that fits a head gave up, twice. See the server's log."
        return self._insist({**asked, "version": version, "before": before}, b"", gave_up)[0]

    def ping(self) -> int:
        """The process id of the worker, started if it was not running.

        Raises:
            MLError: it cannot be started.
        """
        gave_up = "The inference worker ends as soon as it starts. See the server's log."
        return int(self._insist({"op": "ping"}, b"", gave_up)[0]["pid"])

    def _insist(self, request: dict[str, Any], data: bytes, gave_up: str) -> Frame:
        for _ in range(TRIES):
            try:
                answer, more = self._worker.ask(request, data)
            except (TimeoutError, EndedError):
                continue
            if "refused" in answer:
                raise BadInputError(answer["refused"])
            return answer, more
        raise MLError(gave_up)

    @property
    def busy(self) -> int:
        """How many requests are with the worker."""
        return self._worker.busy

    def close(self) -> None:
        """End the worker, where it runs. The next request starts another."""
        self._worker.close()
        self._apart.close()


def _question(run_folder: Path, name: str, top_k: int) -> dict[str, Any]:
    folder = run_folder / "model" if (run_folder / "model").is_dir() else run_folder
    return {"op": "classify", "folder": str(folder.resolve()), "name": name, "top_k": top_k}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def client() -> InferenceClient:
    """The one client of this server, shared by all sessions."""
    return InferenceClient()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def augmenter() -> InferenceClient:
    """The one client for changed pictures: its worker holds torch, and ends when it is idle."""
    return _in_turn()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def explainer() -> InferenceClient:
    """The one client for reasons, which take many answers each: pictures need not wait for them.
    Its worker ends when it is idle."""
    return _in_turn()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def fitter() -> InferenceClient:
    """The one client for instant mode: its worker keeps features at hand, and ends when idle."""
    return _in_turn()


def _in_turn() -> InferenceClient:
    """A client of a worker that takes one request after another, and long over each."""
    command = (sys.executable, "-m", "ml", "worker", "--idle", f"{OTHERS_IDLE:g}")
    return InferenceClient(command=command, at_once=1)
