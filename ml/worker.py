"""The inference worker: classifies pictures for the pages, in a process of its own.

Pictures come from anywhere, so they are decoded here, under a memory limit: if one is too much, it
ends this process and no other. It answers one frame (``ml.frames``) after another until its input
closes or nobody has asked for a while. It imports no torch unless it is asked for changed pictures.
"""

import io
import logging
import os
import sys
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.opening import load
from ml.errors import BadInputError, MLError
from ml.frames import Frame, read_frame, write_frame
from ml.predict import Classifier, unreadable

MODELS = 3
"""How many models are kept in memory: those that were asked for last."""
THREADS = 2
"""More than two cores hardly help one picture, and a training may need them."""
MEMORY_BYTES = 3 * 1024**3
"""Far more than decoding the largest picture and running the largest model take together."""
PREVIEW_SIDE = 480
TOO_MUCH = (
    "Reading this picture takes more memory than Lensmith gives to one. Make it smaller and try "
    "again."
)

log = logging.getLogger(__name__)


def limit_memory(limit: int = MEMORY_BYTES) -> bool:
    """Let an allocation beyond ``limit`` bytes fail; False where the system cannot do that."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    try:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    except (ValueError, OSError):
        return False
    return sys.platform == "linux"  # elsewhere it is set and not kept


class Worker:
    """Answers requests. Models are loaded when first asked for and kept while they are used."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, int, int], Classifier] = OrderedDict()
        self._fits: Any = None
        self._explainer: Any = None

    def answer(self, header: dict[str, Any], data: bytes) -> Frame:
        """The reply to one request.

        ``{"op": "ping"}`` is answered with ``pid``. ``{"op": "classify", "folder", "name",
        "top_k"}`` with the bytes of a picture is answered with ``result`` (see
        ``Classifier.judge``) and two pictures, ``seen`` and ``preview`` bytes long. ``{"op": "why",
        "folder", "label", "method"}`` with a picture ``seen`` is answered as
        ``ml.explain.why.Explainer.explain`` says, ``{"op": "augment"}`` as
        ``ml.data.showing.show``, ``{"op": "instant", "workspace", "dataset", "version",
        "before"}`` as ``ml.instant_worker.Instant``. A model or a picture that cannot be used is
        answered with ``refused``, a sentence.
        """
        try:
            if header.get("op") == "ping":
                return {"pid": os.getpid()}, b""
            if header.get("op") == "classify":
                return self._classify(header, data)
            if header.get("op") == "why":
                return self._why(header, data), b""
            if header.get("op") == "instant":
                return self._instant(header), b""
            if header.get("op") == "augment":
                return _show(header, data)
            return {"refused": f"The inference worker does not know {header.get('op')!r}."}, b""
        except MLError as error:
            return {"refused": str(error)}, b""

    def _instant(self, header: dict[str, Any]) -> dict[str, Any]:
        from ml.instant_worker import Instant

        self._fits = self._fits or Instant()
        root, name = Path(header["workspace"]), str(header["dataset"])
        try:
            found: dict[str, Any] = self._fits.answer(
                root, name, int(header["version"]), int(header["before"])
            )
        except MLError:
            raise
        except Exception:
            log.exception("No instant answer.")
            return {"refused": "Something unforeseen went wrong. See the server's log."}
        return found

    def _classify(self, header: dict[str, Any], data: bytes) -> Frame:
        classifier, name = self._model(Path(header["folder"])), str(header["name"])
        try:
            seen = classifier.see(data)
            result = classifier.judge(seen, name, int(header["top_k"]))
            pictures = encode(seen), preview(data)
        except BadInputError as error:
            return {"result": unreadable(name, str(error))}, b""
        except MemoryError:
            return {"result": unreadable(name, TOO_MUCH)}, b""
        except Exception:
            log.exception("A picture could not be classified.")
            text = "Something unforeseen went wrong with this picture. See the server's log."
            return {"result": unreadable(name, text)}, b""
        sizes = {"seen": len(pictures[0]), "preview": len(pictures[1])}
        return {"result": result, **sizes}, b"".join(pictures)

    def _why(self, header: dict[str, Any], data: bytes) -> dict[str, Any]:
        from ml.explain.why import Explainer  # whoever only classifies need not wait for it

        folder = Path(header["folder"])
        classifier = self._model(folder)
        try:
            if self._explainer is None or self._explainer.classifier is not classifier:
                self._explainer = Explainer(classifier, folder, THREADS)
            told: dict[str, Any] = self._explainer.explain(
                decode(data), str(header["label"]), str(header["method"])
            )
        except MLError:
            raise
        except Exception:
            log.exception("A picture could not be explained.")
            return {"refused": "Something unforeseen went wrong. See the server's log."}
        return told

    def _model(self, folder: Path) -> Classifier:
        try:
            about = (folder / "model.json").stat()
            key = (str(folder), about.st_mtime_ns, about.st_size)
        except OSError:
            key = (str(folder), 0, 0)  # loading it says what is wrong
        if key not in self._models:
            self._models[key] = Classifier.load(folder, min(THREADS, os.cpu_count() or 1))
        self._models.move_to_end(key)
        while len(self._models) > MODELS:
            self._models.popitem(last=False)
        return self._models[key]


def _show(header: dict[str, Any], data: bytes) -> Frame:
    from ml.data.showing import show  # it imports torch

    try:
        return show(header, data)
    except MemoryError:
        return {"refused": TOO_MUCH}, b""
    except MLError:
        raise
    except Exception:
        log.exception("A picture could not be changed.")
        text = "Something unforeseen went wrong with this picture. See the server's log."
        return {"refused": text}, b""


def encode(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels uint8 (S, S, 3) or (S, S, 1) as PNG."""
    out = io.BytesIO()
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def decode(data: bytes) -> npt.NDArray[np.uint8]:
    """What ``encode`` encoded.

    Raises:
        BadInputError: it is something else.
    """
    try:
        pixels = np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInputError("This picture cannot be read again. Drop it anew.") from error
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def preview(data: bytes) -> bytes:
    """The picture upright and small enough for a page, as WebP."""
    picture = load(data, at_least=PREVIEW_SIDE)[0]
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80)
    return out.getvalue()


class _Idle:
    """Ends the process when no request was worked on for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.busy, self.since = seconds, False, time.monotonic()
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self.busy = True

    def __exit__(self, *error: object) -> None:
        self.busy, self.since = False, time.monotonic()

    def _watch(self) -> None:
        while self.busy or time.monotonic() - self.since < self.seconds:
            time.sleep(min(1.0, self.seconds / 4))
        os._exit(0)  # the main thread waits for input, which nothing else can interrupt


def serve(source: IO[bytes], sink: IO[bytes], idle_seconds: float) -> None:
    """Answer frames from ``source`` into ``sink`` until it closes or nobody asks any more.

    Raises:
        ValueError: what comes is not a frame.
    """
    worker, idle = Worker(), _Idle(idle_seconds)
    while (frame := read_frame(source)) is not None:
        with idle:
            try:
                write_frame(sink, *worker.answer(*frame))
            except BrokenPipeError:
                return
