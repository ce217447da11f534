"""Open a picture of any origin under limits, turned upright, in 8-bit grey or RGB.

Bytes are hostile: size and shape are checked in the header, before anything is decoded, and
whatever Pillow raises becomes a ``BadInputError`` of one sentence.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from PIL import Image, UnidentifiedImageError

from ml.data.pixels.convert import to_grey_or_rgb
from ml.errors import BadInputError

# fmt: off
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO",
           "PSD")
# fmt: on
"""What is decoded. Formats that run code or other programs (EPS, PDF, WMF) never are."""
MAX_PIXELS = 64_000_000
MAX_SIDE = 20_000
MAX_ASPECT = 40
LARGE_PIXELS = 16_000_000
"""Pictures above this are decoded one at a time, to bound memory."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_large: Any = threading.Lock()
_quiet_lock = threading.Lock()
_quiet: list[Any] = []


def one_at_a_time(lock: Any) -> None:
    """Use ``lock``, shared with other processes, while a large picture is decoded."""
    global _large
    _large = lock


def load(
    data: bytes, at_least: int | None = None
) -> tuple[Image.Image, tuple[int, int], list[str]]:
    """The picture in mode L or RGB, its full size once upright, and what was changed.

    With ``at_least``, a JPEG may come smaller, as long as both sides keep that many pixels.
    """
    if not data:
        raise BadInputError("The file is empty.")
    try:
        with _without_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            full = picture.size
            _check_size(*full)
            if at_least:
                picture.draft(None, (at_least, at_least))
            if full[0] * full[1] <= LARGE_PIXELS:
                return _upright(picture, full)
            with _large:
                return _upright(picture, full)
    except (BadInputError, MemoryError):
        raise
    except Exception as error:  # Pillow raises nearly anything on a bad file
        raise BadInputError(_sentence(error, data)) from error


def _upright(
    picture: Image.Image, full: tuple[int, int]
) -> tuple[Image.Image, tuple[int, int], list[str]]:
    picture.load()
    orientation = 1
    with suppress(Exception):  # a broken EXIF block does not make a picture bad
        orientation = picture.getexif().get(_ORIENTATION, 1)
    upright, notes = to_grey_or_rgb(picture)
    if orientation in _TURNS:
        upright = upright.transpose(_TURNS[orientation])
        notes.append("turned upright, as its camera noted")
        full = full[::-1] if orientation >= 5 else full
    with suppress(Exception):  # the first frame is good whatever comes after it
        if picture.format not in ("MPO", "PSD") and getattr(picture, "is_animated", False):
            notes.append("first frame of several taken")
    return upright, full, notes


def _check_size(width: int, height: int) -> None:
    short, long = sorted((width, height))
    if long > MAX_SIDE or width * height > MAX_PIXELS:
        raise BadInputError(
            f"The picture is too large: {width} x {height} pixels, where at most "
            f"{MAX_PIXELS // 10**6} million and {MAX_SIDE:,} a side are read. Make it smaller."
        )
    if short < 1 or long > MAX_ASPECT * short:
        raise BadInputError(
            f"The picture is too narrow to learn from: {width} x {height} pixels. Cut it to a "
            f"shape whose long side is at most {MAX_ASPECT} times the short one."
        )


def _sentence(error: Exception, data: bytes) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"The picture is too large: more than {MAX_PIXELS // 10**6} million pixels."
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"hevc", b"msf1"):
        return "HEIC pictures cannot be read yet. Save or export it as JPEG."
    if isinstance(error, UnidentifiedImageError):
        return "It is not a picture, or its beginning is damaged. Use JPEG, PNG, WebP, GIF or TIFF."
    if "truncated" in str(error) or "not enough" in str(error):
        return "The picture is cut short: part of the file is missing. Copy it again."
    return "The picture is damaged and cannot be decoded. Copy it again."


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence Pillow's warnings: they are for programmers, and as errors would refuse good files.

    ``warnings.catch_warnings`` is not safe in threads: the first in opens it, the last out closes.
    """
    with _quiet_lock:
        if not _quiet:
            catcher = warnings.catch_warnings()
            catcher.__enter__()
            warnings.simplefilter("ignore")
            _quiet.append(catcher)
        _quiet.append(None)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet.pop()
            if len(_quiet) == 1:
                _quiet.pop().__exit__(None, None, None)
