"""The one road from the bytes of a picture to what a network sees.

Training, evaluation and prediction all call ``canonical``, so that they agree to the bit. Bytes are
hostile: size and shape are checked in the header, before anything is decoded, and whatever Pillow
raises becomes a ``BadInputError`` of one sentence.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ml.data.convert import to_grey_or_rgb
from ml.errors import BadInputError

Pixels = npt.NDArray[np.uint8]

FORMATS = tuple("JPEG PNG GIF BMP DIB WEBP TIFF PPM AVIF JPEG2000 ICO PSD".split())
"""What is decoded. Formats that run code or other programs (EPS, PDF, WMF) never are."""
MAX_PIXELS = 64_000_000
MAX_SIDE = 20_000
MAX_ASPECT = 40
LARGE_PIXELS = 16_000_000
"""Pictures above this are decoded one at a time, to bound memory."""
FILTER = Image.Resampling.BICUBIC

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
_large = threading.Lock()
_quiet_lock = threading.Lock()
_quiet: list[Any] = []


@dataclass(frozen=True)
class PixelSpec:
    """What a network takes: a square of ``size`` pixels, ``rgb`` or ``grey``.

    ``fit`` says how a picture becomes square: ``crop`` takes its middle, ``squeeze`` all of it.
    """

    size: int
    colour: str = "rgb"
    fit: str = "crop"

    def __post_init__(self) -> None:
        fine = type(self.size) is int and 1 <= self.size <= 4096
        if not fine or self.colour not in ("rgb", "grey") or self.fit not in ("crop", "squeeze"):
            raise BadInputError(
                f"Pictures of {self.size} pixels, {self.colour}, {self.fit} cannot be made. Sizes "
                "go from 1 to 4096, colours are rgb or grey, fits are crop or squeeze."
            )

    @property
    def key(self) -> str:
        """A name for folders: ``224-rgb-crop``."""
        return f"{self.size}-{self.colour}-{self.fit}"

    @property
    def channels(self) -> int:
        """3 for ``rgb``, 1 for ``grey``."""
        return 3 if self.colour == "rgb" else 1

    def to_json(self) -> dict[str, Any]:
        """``{"size": .., "colour": .., "fit": ..}``."""
        return {"size": self.size, "colour": self.colour, "fit": self.fit}

    @classmethod
    def from_json(cls, content: Any) -> "PixelSpec":
        """The specification that ``to_json`` wrote. Raises BadInputError when it is not one."""
        try:
            return cls(content["size"], content["colour"], content["fit"])
        except (KeyError, TypeError) as error:
            raise BadInputError(f"{content!r} does not say how pictures are prepared.") from error


@dataclass(frozen=True)
class Decoded:
    """``pixels`` uint8, (H, W, 3) or for grey (H, W); ``notes`` say what was changed."""

    pixels: Pixels
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What ``look`` found: size in pixels as seen upright, whether it has colours, changes."""

    width: int
    height: int
    colour: bool
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """Decode a picture whole: turned upright, first frame, in 8-bit grey or RGB.

    Raises:
        BadInputError: it is no picture, damaged, or beyond the limits.
    """
    picture, _, notes = _load(data)
    return Decoded(np.array(picture), tuple(notes))


def look(data: bytes) -> Facts:
    """Decode as far as it takes to know that the picture is whole. Raises as ``decode`` does."""
    picture, size, notes = _load(data, at_least=256)
    step = max(1, min(picture.size) // 64)
    sample = np.asarray(picture)[::step, ::step]
    colour = sample.ndim == 3 and bool((sample != sample[:, :, :1]).any())
    return Facts(*size, colour, tuple(notes))


def canonical(data: bytes, spec: PixelSpec) -> Pixels:
    """What a network of ``spec`` sees of a picture: uint8 (size, size, channels).

    A JPEG much larger than that is decoded at a half, quarter or eighth of its size, but never
    under twice ``spec.size``. Raises as ``decode`` does.
    """
    return _fit(_load(data, at_least=2 * spec.size)[0], spec)


def to_spec(pixels: Pixels, spec: PixelSpec) -> Pixels:
    """Bring pixels uint8 (H, W, 3) or (H, W) to ``spec``: uint8 (size, size, channels)."""
    return _fit(Image.fromarray(pixels), spec)


def _fit(picture: Image.Image, spec: PixelSpec) -> Pixels:
    if spec.colour == "grey" and picture.mode != "L":
        picture = picture.convert("L")
    (width, height), side = picture.size, min(picture.size)
    left, top = ((width - side) // 2, (height - side) // 2) if spec.fit == "crop" else (0, 0)
    box = (left, top, left + side, top + side) if spec.fit == "crop" else (0, 0, width, height)
    if box != (0, 0, spec.size, spec.size) or picture.size != (spec.size, spec.size):
        picture = picture.resize((spec.size, spec.size), FILTER, box=box)
    pixels = np.array(picture)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], spec.channels, axis=2)
    return pixels


def _load(
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
