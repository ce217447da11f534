"""Decoding of a picture under limits: upright, in 8-bit grey or RGB.

Bytes are hostile: the size in the header is checked before anything is decoded, and whatever a
``guarded`` function raises becomes a ``BadInputError`` of one sentence.
"""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError

from ml.compat.pillow_private import detached
from ml.data.pixels.convert import to_grey_or_rgb
from ml.data.pixels.cpu_budget import (
    MAX_CPU_SECONDS,
    PIECE_BYTES,
    BudgetedBytes,
    check_scans,
    watched,
)
from ml.errors import BadInputError

# fmt: off
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO",
           "PSD")
# fmt: on
"""The formats that are decoded. Those that run code or programs (EPS, PDF, WMF) never are."""
JPEG_FORMATS = ("JPEG", "MPO")
"""A picture of several JPEGs is one that calls itself MPO."""
MAX_PIXELS = 64_000_000
MAX_SIDE = 20_000
MAX_ASPECT = 40
MAX_PARALLEL_PIXELS = 16_000_000
"""Larger pictures are decoded one at a time, to bound memory."""

OUT_OF_MEMORY = (
    "Reading this picture takes more memory than Lensmith gives to one. Make it smaller and try "
    "again."
)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
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
_large_lock: Any = threading.Lock()
_quiet_lock = threading.Lock()
_quiet: list[Any] = []


def share_large_lock(lock: Any) -> None:
    """Use ``lock``, shared with other processes, while a large picture is decoded."""
    global _large_lock
    _large_lock = lock


def guarded(
    function: Callable[Concatenate[bytes, Parameters], Result],
) -> Callable[Concatenate[bytes, Parameters], Result]:
    """A function of the bytes of a picture that raises nothing but ``BadInputError``.

    Whatever lies between bytes and pixels is in such a function: Pillow raises nearly anything on a
    bad file, and some of it late.
    """

    @wraps(function)
    def guard(data: bytes, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(data, *args, **kwargs)
        except BadInputError:
            raise
        except MemoryError as error:
            raise BadInputError(OUT_OF_MEMORY) from error
        except Exception as error:
            raise BadInputError(_error_sentence(error, data)) from error

    return guard


@guarded
def load(
    data: bytes, at_least: int | None = None
) -> tuple[Image.Image, tuple[int, int], list[str]]:
    """The picture in mode L or RGB, its upright full size (width, height), and notes of changes.

    The picture is plain pixels: it reads no file any more, and has no comment or profile. With
    ``at_least``, a JPEG may be decoded smaller, with at least that many pixels a side.

    Raises:
        BadInputError: it is no picture, damaged, or beyond the limits.
    """
    if not data:
        raise BadInputError("The file is empty.")
    with watched(), opened(data) as picture:
        full_size = picture.size
        _check_size(*full_size)
        if picture.format in JPEG_FORMATS:
            check_scans(data, *full_size)
        if isinstance(picture, ImageFile.ImageFile):
            picture.decodermaxblock = PIECE_BYTES
        if at_least:
            picture.draft(None, (at_least, at_least))
        if full_size[0] * full_size[1] <= MAX_PARALLEL_PIXELS:
            return _upright(picture, full_size)
        with _large_lock:
            return _upright(picture, full_size)


@contextmanager
def opened(data: bytes | Path) -> Iterator[Image.Image]:
    """The picture with its header read and nothing decoded. Raises whatever Pillow raises."""
    file = BudgetedBytes(data) if isinstance(data, bytes) else data
    with _without_warnings(), Image.open(file, formats=FORMATS) as picture:
        if isinstance(file, BudgetedBytes):
            file.allow(MAX_CPU_SECONDS)
        yield picture


def _upright(
    picture: Image.Image, full_size: tuple[int, int]
) -> tuple[Image.Image, tuple[int, int], list[str]]:
    picture.load()
    orientation = 1
    with suppress(Exception):  # a broken EXIF block does not make a picture bad
        orientation = picture.getexif().get(_ORIENTATION, 1)
    upright, notes = to_grey_or_rgb(picture)
    upright = detached(upright)  # asking for later frames takes the pixels of the first away
    if orientation in _TURNS:
        upright = upright.transpose(_TURNS[orientation])
        notes.append("turned upright, as its camera noted")
        full_size = full_size[::-1] if orientation >= 5 else full_size
    with suppress(Exception):  # later frames may be damaged
        if picture.format not in ("MPO", "PSD") and getattr(picture, "is_animated", False):
            notes.append("first frame of several taken")
    return upright, full_size, notes


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


def _error_sentence(error: Exception, data: bytes) -> str:
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
    """Silence Pillow's warnings, which as errors would refuse good files.

    ``warnings.catch_warnings`` is not thread-safe: the first thread opens it, the last closes it.
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
