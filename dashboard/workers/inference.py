"""Clients of the inference worker: pages classify, explain, augment and compare through them.

The worker is ``python -m ml worker``, a child process that starts at the first request and again
when it has ended. The pictures that were with it then are tried once more, each alone; a picture
that ends the worker again is not tried any more. Light: no torch, no ONNX Runtime.
"""

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.workers.channel import Channel, EndedError
from dashboard.workers.fair_turns import FairTurns
from ml.errors import MLError
from ml.inference.classifier import unreadable
from ml.serving.protocol import (
    MAX_DATA_BYTES,
    TOO_SLOW,
    AugmentRequest,
    AugmentResponse,
    ClassifyRequest,
    ClassifyResponse,
    ExplainRequest,
    ExplainResponse,
    PingRequest,
    PingResponse,
    QuickModelRequest,
    QuickModelResponse,
    Request,
    Response,
)

TIMEOUT_SECONDS = 60.0
"""How long one picture may take, the start of the child included."""
IDLE_SECONDS = 180.0
"""Seconds after which the workers that do not classify end: they hold a few hundred MB."""
MAX_FRAME_SIDE = 1280
"""Pixels a side that a frame of a camera may have."""
MAX_REQUESTS = 16
"""Requests with the worker at a time: its queue takes less than ``TIMEOUT_SECONDS``."""
MAX_TRIES = 2
MAX_GIVEN_UP = 1000
"""Pictures that are remembered, by their hash, as not to be tried again."""
_FATAL = (
    "This picture ended the program that reads pictures, twice, and is not tried again. Save it "
    "anew in another program, or leave it out."
)


class InferenceClient:
    """Asks the inference worker. Any number of threads may share it.

    Args:
        seconds: how long one picture may take before the worker is ended.
        command: what starts the worker.
        max_requests: requests with the worker at a time.
    """

    def __init__(
        self,
        seconds: float = TIMEOUT_SECONDS,
        command: tuple[str, ...] = (),
        max_requests: int = MAX_REQUESTS,
    ) -> None:
        command = command or (sys.executable, "-m", "ml", "worker")
        self.seconds = seconds
        self._worker = Channel(command, seconds, max_requests)
        self._retry_worker = Channel(command, seconds, 1)
        self._retrying = threading.Lock()
        self._given_up: OrderedDict[str, str] = OrderedDict()
        self._turns = FairTurns(max_requests)

    def classify(
        self, run_folder: Path, data: bytes, name: str, top_k: int = 5, visitor: str = ""
    ) -> dict[str, Any]:
        """The answer of a run's model for a picture.

        As ``ml.inference.classifier.Classifier.answer``, with ``seen``, the picture as the model
        sees it (PNG), and ``preview``, the picture itself, upright and small (JPEG). For a picture
        that cannot be read, ``error`` is a sentence, ``label`` and the two pictures are None.

        Args:
            run_folder: a run's folder, or a model folder.
            visitor: who asks, such as the id of a session: visitors take turns.

        Raises:
            BadInputError: there is no such model, or it was changed or is damaged.
            MLError: the worker cannot be started.
        """
        no_pictures = {"seen": None, "preview": None}
        if len(data) > MAX_DATA_BYTES:
            text = f"The file is larger than {MAX_DATA_BYTES // 2**20} MB. Make it smaller."
            return {**unreadable(name, text), **no_pictures}
        if self._given_up and (reason := self._given_up.get(_digest(data))):
            return {**unreadable(name, reason), **no_pictures}
        try:
            with self._turns.turn(visitor):
                response = self._ask_twice(_classify_request(run_folder, data, name, top_k))
        except TimeoutError:
            text = f"This picture took longer than {self.seconds:.0f} seconds and was given up."
            return {**unreadable(name, f"{text} Try a smaller one."), **no_pictures}
        except EndedError:
            self._give_up(data, visitor, _FATAL)
            return {**unreadable(name, _FATAL), **no_pictures}
        if response.result["error"] == TOO_SLOW:
            self._give_up(data, visitor, TOO_SLOW)
        if response.result["error"]:
            return {**response.result, **no_pictures}
        return {**response.result, "seen": response.seen, "preview": response.preview}

    def _give_up(self, data: bytes, visitor: str, reason: str) -> None:
        """Remember a picture that is not tried again, and that its visitor brought it."""
        self._turns.hold_back(visitor)
        self._given_up[_digest(data)] = reason
        while len(self._given_up) > MAX_GIVEN_UP:
            self._given_up.popitem(last=False)

    def _ask_twice(self, request: ClassifyRequest) -> ClassifyResponse:
        """Ask the worker. Where it ends, ask another worker, about this picture alone: if that ends
        too, this picture is the cause."""
        try:
            return self._worker.ask(request, ClassifyResponse)
        except EndedError:
            with self._retrying:
                try:
                    return self._retry_worker.ask(request, ClassifyResponse)
                finally:
                    self._retry_worker.close()

    def classify_frame(self, run_folder: Path, frame: bytes, top_k: int) -> dict[str, Any]:
        """The answer of a run's model for a camera's frame, a JPEG: as ``classify``, without the
        two pictures. A frame is not tried again: the next one is newer.

        Raises:
            BadInputError: the model cannot be used.
            MLError: the worker cannot be started, or gave up on this frame.
        """
        request = _classify_request(run_folder, frame, "", top_k)
        try:
            response = self._worker.ask(replace(request, max_side=MAX_FRAME_SIDE), ClassifyResponse)
        except (TimeoutError, EndedError) as error:
            raise MLError("The program that reads pictures was started again.") from error
        return response.result

    def explain(self, run_folder: Path, seen: bytes, label: str, method: str) -> dict[str, Any]:
        """What counted for class ``label``: the fields of ``ExplainResponse``.

        Args:
            seen: the picture as ``classify`` gave it.
            method: the name of one of the model's methods; empty for its best.

        Raises:
            BadInputError: there is no such model, class or method.
            MLError: the worker cannot be started, or gave up.
        """
        folder = str((run_folder / "model").resolve())
        request = ExplainRequest(folder=folder, label=label, method=method, seen=seen)
        gave_up = "The worker that explains answers gave up, twice. See the server's log."
        return asdict(self._ask(request, ExplainResponse, gave_up))

    def augment(
        self, request: AugmentRequest, pictures: Sequence[bytes]
    ) -> tuple[list[bytes], list[float]]:
        """Versions of the first picture, encoded, and how much of each is that picture.

        Raises:
            BadInputError: a picture cannot be read, or there is no such change.
            MLError: the worker cannot be started, or gives up on these pictures.
        """
        gave_up = "These pictures could not be changed: the worker gave up on them, twice."
        request = replace(request, pictures=tuple(pictures))
        response = self._ask(request, AugmentResponse, gave_up)
        return list(response.versions), response.shares

    def compare_versions(
        self, root: Path, dataset: str, version: int, before: int
    ) -> dict[str, Any]:
        """What a quick model says of a change: ``ml.serving.quick_model.QuickModels.compare``.

        Raises:
            BadInputError: there are too few pictures, or one cannot be read.
            MLError: the worker cannot be started, or gave up.
        """
        request = QuickModelRequest(
            workspace=str(root), dataset=dataset, version=version, before=before
        )
        gave_up = "The worker that fits a head gave up, twice. See the server's log."
        return self._ask(request, QuickModelResponse, gave_up).comparison

    def ping(self) -> int:
        """The process id of the worker, started if it was not running.

        Raises:
            MLError: it cannot be started.
        """
        gave_up = "The inference worker ends as soon as it starts. See the server's log."
        return self._ask(PingRequest(), PingResponse, gave_up).pid

    def _ask(self, request: Request, response_type: type[Response], gave_up: str) -> Response:
        """Ask, and once more where the worker ended or took too long; then raise ``gave_up``."""
        for _ in range(MAX_TRIES):
            try:
                return self._worker.ask(request, response_type)
            except (TimeoutError, EndedError):
                continue
        raise MLError(gave_up)

    @property
    def busy(self) -> int:
        """How many requests are with the worker."""
        return self._worker.busy

    def close(self) -> None:
        """End the worker, where it runs. The next request starts another."""
        self._worker.close()
        self._retry_worker.close()


def _classify_request(run_folder: Path, data: bytes, name: str, top_k: int) -> ClassifyRequest:
    folder = run_folder / "model" if (run_folder / "model").is_dir() else run_folder
    return ClassifyRequest(folder=str(folder.resolve()), name=name, top_k=top_k, picture=data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def client() -> InferenceClient:
    """The one client of this server, shared by all sessions."""
    return InferenceClient()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def augmenter() -> InferenceClient:
    """The one client for augmented pictures. Its worker holds torch, and ends when it is idle."""
    return _single_request_client()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def explainer() -> InferenceClient:
    """The one client for explanations. Each takes seconds, which pictures to classify need not
    wait for. Its worker ends when it is idle."""
    return _single_request_client()


@st.cache_resource(show_spinner=False, on_release=InferenceClient.close)
def fitter() -> InferenceClient:
    """The one client for quick models. Its worker holds features, and ends when it is idle."""
    return _single_request_client()


def _single_request_client() -> InferenceClient:
    """A client of a worker that takes one request at a time."""
    command = (sys.executable, "-m", "ml", "worker", "--idle", f"{IDLE_SECONDS:g}")
    return InferenceClient(command=command, max_requests=1)
