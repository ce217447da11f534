"""Pictures on their way to a page: the pixels that a network sees as PNG, previews as JPEG."""

import io

import numpy as np
from PIL import Image

from ml.data.pixels.pixels import Pixels
from ml.errors import BadInputError

PREVIEW_SIDE = 480
"""Pixels of the longer side of a preview, at most."""


def encode_seen(pixels: Pixels) -> bytes:
    """Pixels uint8 (S, S, 3) or (S, S, 1) as PNG."""
    out = io.BytesIO()
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def decode_seen(data: bytes) -> Pixels:
    """Pixels uint8 (S, S, C) of what ``encode_seen`` encoded.

    Raises:
        BadInputError: it is something else.
    """
    try:
        pixels = np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInputError("This picture cannot be read again. Drop it anew.") from error
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def encode_preview(picture: Image.Image) -> bytes:
    """The picture as a JPEG of at most ``PREVIEW_SIDE`` pixels a side. It shrinks ``picture``.

    A WebP is a third smaller, but encoding it takes longer than the network does.
    """
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
