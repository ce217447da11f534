"""What the inference worker does: classify pictures for the pages, in a process of its own.

Pictures come from anywhere, so they are decoded here, under a memory limit: if one is too much, it
ends this process and no other. ``ml.serving.server`` hands it what is asked, several requests at a
time. It imports no torch unless it is asked for changed pictures.
"""

import io
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.pixels.decode import load
from ml.data.pixels.pixels import PixelSpec, canonical_of
from ml.errors import BadInputError, MLError
from ml.inference.classifier import Output, unreadable
from ml.serving.micro_batching import Batches
from ml.serving.model_cache import THREADS, Warm
from ml.serving.protocol import Frame

DECODED = 2
"""Threads that decode: as many as keep two cores busy. They bound memory, for a thread keeps what
it once used."""
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
    """Answers requests. ``classify`` may be asked for by any number of threads at a time, and those
    that wait for one model are answered together; everything else by one thread."""

    def __init__(self) -> None:
        self._models = Warm()
        self._batches: Batches[Output] = Batches()
        self._decoders = ThreadPoolExecutor(DECODED, "decoder")
        self._fits: Any = None
        self._explainer: Any = None

    def answer(self, header: dict[str, Any], data: bytes) -> Frame:
        """The reply to one request.

        ``{"op": "ping"}`` is answered with ``pid``. ``{"op": "classify", "folder", "name",
        "top_k"}`` with the bytes of a picture is answered with ``result`` (see
        ``Classifier.judge``) and two pictures, ``seen`` and ``preview`` bytes long; without them
        where ``"longest"`` is given, the most pixels that a side of a camera's frame, a JPEG, may
        have. ``{"op": "why", "folder", "label", "method"}`` with a picture ``seen`` is answered as
        ``ml.explain.why.Explainer.explain`` says, ``{"op": "augment"}`` as
        ``ml.serving.augmentation.show``, ``{"op": "instant", "workspace", "dataset", "version",
        "before"}`` as ``ml.serving.quick_model.Instant``. A model or a picture that cannot be used
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
        from ml.serving.quick_model import Instant

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
        classifier, name = self._models.get(Path(header["folder"])), str(header["name"])
        try:
            looking = self._decoders.submit(
                _looked_at, data, classifier.spec, int(header.get("longest", 0))
            )
            seen, pictures = looking.result()
            output = self._batches.ask(classifier, seen)
            result = classifier.tell(output, name, int(header["top_k"]))
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
        classifier = self._models.get(folder)
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


def _looked_at(
    data: bytes, spec: PixelSpec, longest: int
) -> tuple[npt.NDArray[np.uint8], tuple[bytes, bytes]]:
    """The picture as the network sees it, and the two for the page, empty for a camera's frame.
    Nothing larger is held on to: it would be, by each request that waits for its turn."""
    if longest:
        _check_frame(data, longest)
    seen, picture, whole = canonical_of(data, spec)
    if longest:
        return seen, (b"", b"")
    if not whole and max(picture.size) < PREVIEW_SIDE:
        picture = load(data, at_least=PREVIEW_SIDE)[0]
    return seen, (encode(seen), preview(picture))


def _check_frame(data: bytes, longest: int) -> None:
    """By the header alone, before anything is decoded."""
    longer = True
    with suppress(Exception), Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        longer = max(picture.size) > longest
    if longer:
        raise BadInputError(f"A frame is a JPEG of at most {longest} pixels a side.")


def _show(header: dict[str, Any], data: bytes) -> Frame:
    from ml.serving.augmentation import show  # it imports torch

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


def preview(picture: Image.Image) -> bytes:
    """The picture small enough for a page, as JPEG: WebP is a third smaller and takes 50 times as
    long, more than the network does. ``picture`` is what shrinks."""
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
