"""Handler of ``classify``: decodes a picture, asks the network, makes two pictures for the page."""

import logging
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple

from ml.data.pixels.decode import JPEG_FORMATS, OUT_OF_MEMORY, guarded, load, opened
from ml.data.pixels.pixels import Pixels, PixelSpec, canonical_and_picture
from ml.errors import BadInputError
from ml.inference.classifier import Classifier, Output, classify_batch, unreadable
from ml.serving.decoder_pool import DecoderPool
from ml.serving.handlers import handler
from ml.serving.micro_batching import MicroBatcher
from ml.serving.model_cache import ModelCache
from ml.serving.pictures import PREVIEW_SIDE, encode_preview, encode_seen
from ml.serving.protocol import ClassifyRequest, ClassifyResponse

UNFORESEEN_PICTURE = "Something unforeseen went wrong with this picture. See the server's log."
UNFORESEEN_MODEL = "Something unforeseen went wrong with this model. See the server's log."

log = logging.getLogger(__name__)


@handler(ClassifyRequest)
class ClassifyHandler:
    """Classifies pictures. Any number of threads may ask; those that wait for one model are
    answered in one pass of its network."""

    unforeseen: ClassVar[str] = UNFORESEEN_MODEL

    def __init__(self, models: ModelCache) -> None:
        self._models = models
        self._batcher: MicroBatcher[Output] = MicroBatcher()
        self._decoders = DecoderPool()

    def __call__(self, request: ClassifyRequest) -> ClassifyResponse:
        """Answer one request. A picture that cannot be read is answered with its ``error``.

        Raises:
            BadInputError: there is no such model, it was changed or is damaged.
        """
        classifier = self._models.get(Path(request.folder))
        try:
            return self._classified(classifier, request)
        except MemoryError:
            return ClassifyResponse(unreadable(request.name, OUT_OF_MEMORY))
        except Exception:
            log.exception("A picture could not be classified.")
            return ClassifyResponse(unreadable(request.name, UNFORESEEN_PICTURE))

    def _classified(self, classifier: Classifier, request: ClassifyRequest) -> ClassifyResponse:
        decoded: list[_Decoded] = []

        def see() -> Pixels:
            decoding = self._decoders.submit(
                partial(_decode, request.picture, classifier.spec, request.max_side)
            )
            decoded.append(decoding.result())
            return decoded[0].pixels

        def outputs(pixels: Pixels) -> list[Output]:
            return [self._batcher.ask(classifier, one) for one in pixels]

        (answer,) = classify_batch(
            classifier, [(request.name, see)], top_k=request.top_k, outputs=outputs
        )
        if answer["error"]:
            return ClassifyResponse(answer)
        return ClassifyResponse(answer, seen=decoded[0].seen, preview=decoded[0].preview)


class _Decoded(NamedTuple):
    pixels: Pixels
    """As the network sees the picture: uint8 (S, S, C)."""
    seen: bytes = b""
    preview: bytes = b""


@guarded
def _decode(data: bytes, spec: PixelSpec, max_side: int) -> _Decoded:
    """The picture for the network and for the page; a camera's frame is for the network alone.

    It returns nothing larger, for requests that wait for the network hold on to it.
    """
    if max_side:
        _check_frame(data, max_side)
    pixels, picture, full_size = canonical_and_picture(data, spec)
    if max_side:
        return _Decoded(pixels)
    if not full_size and max(picture.size) < PREVIEW_SIDE:
        picture = load(data, at_least=PREVIEW_SIDE)[0]
    return _Decoded(pixels, encode_seen(pixels), encode_preview(picture))


def _check_frame(data: bytes, max_side: int) -> None:
    """Look at the header of a frame before anything is decoded.

    Raises:
        BadInputError: it is no JPEG, or larger than ``max_side``.
    """
    too_large = True
    with suppress(Exception), opened(data) as picture:
        too_large = picture.format not in JPEG_FORMATS or max(picture.size) > max_side
    if too_large:
        raise BadInputError(f"A frame is a JPEG of at most {max_side} pixels a side.")
