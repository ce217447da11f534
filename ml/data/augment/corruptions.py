"""Common corruptions, on which a classifier is measured and never trained. Numpy and Pillow only.

In the spirit of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations" (2019): each at five strengths, on pictures as the network sees them.
Lengths are shares of the side, so that they suit pictures of any size.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Pixels = npt.NDArray[np.uint8]
Change = Callable[[Pixels, float, np.random.Generator], Pixels]
STRENGTHS = 5


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption. ``levels`` are its five strengths in ``unit``, the weakest first."""

    name: str
    label: str
    help: str
    levels: tuple[float, ...]
    unit: str
    function: Change

    def __call__(self, pixels: Pixels, strength: int, picture: str) -> Pixels:
        """The picture uint8 (S, S, C), corrupted, of the same shape.

        Args:
            strength: 1 to 5.
            picture: its hash; randomness is a function of hash, kind and strength.
        """
        chance = np.random.default_rng([int(picture[:12], 16), strength, *self.name.encode()])
        return self.function(pixels, self.levels[strength - 1], chance)


_kinds: dict[str, Corruption] = {}


def corruption(label: str, help: str, *levels: float, unit: str = "") -> Callable[[Change], Change]:
    """Register the decorated function under its name; the arguments are those of ``Corruption``."""

    def decorate(function: Change) -> Change:
        name = function.__name__
        assert len(levels) == STRENGTHS, name
        assert name not in _kinds, name
        _kinds[name] = Corruption(name, label, help, levels, unit, function)
        return function

    return decorate


def kinds() -> list[Corruption]:
    """Every kind, in a fixed order."""
    return list(_kinds.values())


def _bytes(values: npt.NDArray[np.floating]) -> Pixels:
    clipped: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return clipped


def _picture(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _pixels(picture: Image.Image) -> Pixels:
    array = np.asarray(picture)
    return np.ascontiguousarray(array[:, :, None] if array.ndim == 2 else array)


@corruption("Noise", "Grain, as of a camera in the dark.", 0.04, 0.08, 0.12, 0.18, 0.26)
def noise(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """Normal, with a standard deviation of ``level`` of white."""
    return _bytes(pixels + chance.normal(0, 255 * level, pixels.shape))


@corruption("Blur", "Out of focus.", 0.008, 0.013, 0.018, 0.024, 0.03, unit="of the side")
def blur(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """By a Gaussian with a standard deviation of ``level`` of the side."""
    return _pixels(_picture(pixels).filter(ImageFilter.GaussianBlur(level * len(pixels))))


@corruption("Brightness", "Half of the pictures lighter, half darker.", 0.1, 0.2, 0.3, 0.4, 0.5)
def brightness(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """``level`` of white is added or taken off."""
    sign = 1 if chance.random() < 0.5 else -1
    return _bytes(pixels + sign * 255 * level)


@corruption("Contrast", "Pale, as through mist.", 0.7, 0.5, 0.35, 0.2, 0.1, unit="of it is left")
def contrast(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """``level`` of the distance to each channel's mean is left."""
    mean = pixels.mean((0, 1), keepdims=True)
    return _bytes(mean + (pixels - mean) * level)


@corruption("JPEG", "Saved too small.", 40, 25, 18, 12, 7, unit="quality")
def jpeg(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """Saved and opened again at quality ``level``."""
    buffer = io.BytesIO()
    _picture(pixels).save(buffer, "JPEG", quality=int(level))
    return _pixels(Image.open(buffer))


@corruption("Pixelate", "Enlarged too far.", 0.6, 0.5, 0.4, 0.3, 0.25, unit="of the pixels a side")
def pixelate(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """Made smaller to ``level`` of the side, and larger again without smoothing."""
    side = len(pixels)
    small = _picture(pixels).resize((max(1, round(side * level)),) * 2, Image.Resampling.BOX)
    return _pixels(small.resize((side, side), Image.Resampling.NEAREST))


@corruption("Rotation", "Held askew, either way.", 8, 15, 25, 35, 45, unit="degrees")
def rotation(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """Turned by ``level`` degrees; beyond the border lies its reflection, so no corner is empty."""
    side, angle = len(pixels), level if chance.random() < 0.5 else -level
    wide = np.pad(pixels, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)), mode="symmetric")
    turned = _picture(wide).rotate(angle, Image.Resampling.BILINEAR)
    return _pixels(turned)[side // 2 : side // 2 + side, side // 2 : side // 2 + side].copy()


@corruption("Occlusion", "Something in the way.", 0.04, 0.1, 0.2, 0.3, 0.4, unit="of the area")
def occlusion(pixels: Pixels, level: float, chance: np.random.Generator) -> Pixels:
    """A grey square over ``level`` of the area, wholly inside the picture."""
    side = len(pixels)
    edge = max(1, round(side * level**0.5))
    top, left = chance.integers(0, side - edge + 1, size=2)
    occluded = pixels.copy()
    occluded[top : top + edge, left : left + edge] = 128
    return occluded
