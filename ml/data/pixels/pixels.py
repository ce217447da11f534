"""Preprocessing: from the bytes of a picture to the pixels that a network sees.

Training, evaluation and prediction all call ``canonical``, so that they agree to the bit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.pixels.decode import guarded, load
from ml.errors import BadInputError

Pixels = npt.NDArray[np.uint8]

RESIZE_FILTER = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class PixelSpec:
    """What a network takes: a square of ``size`` pixels, ``rgb`` or ``grey``.

    ``fit`` says how a picture becomes square: ``crop`` takes its middle, ``squeeze`` all of it.
    """

    size: int
    colour: str = "rgb"
    fit: str = "crop"

    def __post_init__(self) -> None:
        is_valid_size = type(self.size) is int and 1 <= self.size <= 4096
        if (
            not is_valid_size
            or self.colour not in ("rgb", "grey")
            or self.fit not in ("crop", "squeeze")
        ):
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
    """Facts of a picture: its upright size in pixels, whether it shows colours, and ``notes`` that
    say what decoding changed."""

    width: int
    height: int
    colour: bool
    notes: tuple[str, ...] = ()


@guarded
def decode(data: bytes) -> Decoded:
    """Decode a picture whole: turned upright, first frame, in 8-bit grey or RGB.

    Raises:
        BadInputError: it is no picture, damaged, or beyond the limits.
    """
    picture, _, notes = load(data)
    return Decoded(np.array(picture), tuple(notes))


@guarded
def read_facts(data: bytes) -> Facts:
    """The facts of a picture; a JPEG is decoded at reduced size. Raises as ``decode`` does."""
    return _facts(*load(data, at_least=256))


@guarded
def facts_and_pixels(data: bytes, spec: PixelSpec) -> tuple[Facts, Pixels]:
    """What ``read_facts`` and ``canonical`` return, decoding once. Raises as ``decode`` does."""
    picture, size, notes = load(data, at_least=2 * spec.size)
    square = _square(picture, spec)
    raw = np.frombuffer(square.tobytes(), np.uint8)  # read-only: one copy less
    pixels = _with_channels(raw.reshape(spec.size, spec.size, *([3] * (square.mode != "L"))), spec)
    if square.mode != "L" and _has_colour(
        pixels, 24
    ):  # the usual case, and quicker than the whole picture
        return Facts(*size, True, tuple(notes)), pixels
    return _facts(picture, size, notes), pixels


def _facts(picture: Image.Image, size: tuple[int, int], notes: list[str]) -> Facts:
    colour = picture.mode != "L" and _has_colour(np.asarray(picture), 64)
    return Facts(*size, colour, tuple(notes))


def _has_colour(pixels: Pixels, rows: int) -> bool:
    """Whether a sample of at least ``rows`` x ``rows`` pixels shows colour."""
    step = max(1, min(pixels.shape[:2]) // rows)
    sample = pixels[::step, ::step]
    return bool((sample[..., :2] != sample[..., 1:]).any())


def canonical(data: bytes, spec: PixelSpec) -> Pixels:
    """What a network of ``spec`` sees of a picture: uint8 (size, size, channels).

    A JPEG much larger than that is decoded at a half, quarter or eighth of its size, but never
    under twice ``spec.size``. Raises as ``decode`` does.
    """
    return canonical_and_picture(data, spec)[0]


@guarded
def canonical_and_picture(data: bytes, spec: PixelSpec) -> tuple[Pixels, Image.Image, bool]:
    """``canonical``, the decoded picture, and whether that was decoded at full size."""
    picture, full, _ = load(data, at_least=2 * spec.size)
    return _fit(picture, spec), picture, picture.size == full


def to_spec(pixels: Pixels, spec: PixelSpec) -> Pixels:
    """Bring pixels uint8 (H, W, 3) or (H, W) to ``spec``: uint8 (size, size, channels)."""
    return _fit(Image.fromarray(pixels), spec)


def _fit(picture: Image.Image, spec: PixelSpec) -> Pixels:
    return _with_channels(np.array(_square(picture, spec)), spec)


def _square(picture: Image.Image, spec: PixelSpec) -> Image.Image:
    if spec.colour == "grey" and picture.mode != "L":
        picture = picture.convert("L")
    (width, height), side = picture.size, min(picture.size)
    left, top = ((width - side) // 2, (height - side) // 2) if spec.fit == "crop" else (0, 0)
    box = (left, top, left + side, top + side) if spec.fit == "crop" else (0, 0, width, height)
    if box != (0, 0, spec.size, spec.size) or picture.size != (spec.size, spec.size):
        picture = picture.resize((spec.size, spec.size), RESIZE_FILTER, box=box)
    return picture


def _with_channels(pixels: Pixels, spec: PixelSpec) -> Pixels:
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], spec.channels, axis=2)
    return pixels
