"""Thumbnails of pictures as data URIs."""

import base64
import io

from PIL import Image, WebPImagePlugin  # noqa: F401 (else saving imports all forty formats)

from ml.data.pixels.decode import guarded
from ml.data.pixels.pixels import PixelSpec, canonical

THUMBNAIL_SIDE = 160
"""The side in pixels: twice the size on the page, for dense screens."""


@guarded
def data_uri(data: bytes, side: int = THUMBNAIL_SIDE) -> str:
    """A picture file as the data URI of a thumbnail, its middle square of ``side`` pixels.

    Raises:
        BadInputError: it cannot be decoded.
    """
    pixels = canonical(data, PixelSpec(side, "rgb", "crop"))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=80, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
