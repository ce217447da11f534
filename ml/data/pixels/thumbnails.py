"""Small squares of pictures, as text that stands inside a page."""

import base64
import io

from PIL import Image, WebPImagePlugin  # noqa: F401 (else saving imports all forty formats)

from ml.data.pixels.pixels import PixelSpec, canonical

SIDE = 160
"""Pixels; twice what a thumbnail takes on the page, for dense screens."""


def encoded(data: bytes, side: int = SIDE) -> str:
    """An encoded picture as the data URI of a small square, cut at its middle.

    Raises:
        BadInputError: it cannot be decoded.
    """
    pixels = canonical(data, PixelSpec(side, "rgb", "crop"))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=80, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
