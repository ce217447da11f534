"""Inspection photographs by script: renders of one part before one camera, alike to a few levels.

Each picture is a part of its own: other grain, another light, another place by a pixel or two, and
noise of the sensor. No two are one picture, however alike they look at 64 pixels.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

SIDE = 300
JPEG_QUALITY = 90
SENSOR_NOISE = 2.5
"""Grey levels, standard deviation."""

Floats = npt.NDArray[np.float64]


def _grid(chance: np.random.Generator, shift: float, turn: float) -> tuple[Floats, Floats]:
    """Coordinates -1 to 1 of a part that lies a little elsewhere, turned by a few degrees."""
    axis = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x, y = np.meshgrid(axis, axis)
    dx, dy = chance.normal(0, shift * 2 / SIDE, 2)
    angle = chance.normal(0, np.deg2rad(turn))
    x, y = x - dx, y - dy
    return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)


def _grain(chance: np.random.Generator, radius: float, levels: float) -> Floats:
    """Texture of one part: blurred noise of ``levels`` (standard deviation)."""
    noise = Image.fromarray((128 + 40 * chance.normal(size=(SIDE, SIDE))).clip(0, 255).astype("u1"))
    blurred = np.asarray(noise.filter(ImageFilter.GaussianBlur(radius)), np.float64)
    return (blurred - blurred.mean()) / blurred.std() * levels


def casting(chance: np.random.Generator) -> Floats:
    """A round casting with rings, a hub and four bolts."""
    x, y = _grid(chance, 1.0, 1.0)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    part = 70.0 + 100 * (radius < 0.82) - 35 * (abs(radius - 0.55) < 0.06) + 30 * (radius < 0.22)
    for bolt in range(4):
        at = bolt * np.pi / 2
        part -= 60 * (np.hypot(x - 0.68 * np.cos(at), y - 0.68 * np.sin(at)) < 0.07)
    return part + 8 * np.cos(angle - 0.7) * (radius < 0.82) + _grain(chance, 1.5, 3.0)


def board(chance: np.random.Generator) -> Floats:
    """A circuit board: tracks and pads, the same on every board."""
    x, y = _grid(chance, 0.7, 0.3)
    layout = np.random.default_rng(7)
    part = np.full(x.shape, 60.0)
    for _ in range(40):
        centre, size = layout.uniform(-0.9, 0.9, 2), layout.uniform(0.02, 0.16, 2)
        inside = (abs(x - centre[0]) < size[0]) & (abs(y - centre[1]) < size[1])
        part[inside] = layout.uniform(30, 220)
    return part + _grain(chance, 1.0, 2.0)


def sheet(chance: np.random.Generator) -> Floats:
    """Brushed sheet metal: stripes of the rolls, that all sheets share, and fine grain."""
    x, y = _grid(chance, 1.5, 0.2)
    stripes = 10 * np.sin(37 * y) + 7 * np.sin(91 * y + 1) + 5 * np.sin(14 * x)
    return 150 + stripes + 20 * (x**2 + y**2) + _grain(chance, 2.0, 4.0)


PARTS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "casting": casting, "board": board, "sheet": sheet,
}  # fmt: skip


def render(part: str, number: int, *, scratched: bool = False) -> Image.Image:
    """Photograph ``number`` of a ``part`` of ``PARTS``; with ``scratched`` one of the bad class."""
    chance = np.random.default_rng([sorted(PARTS).index(part), number])
    grey = PARTS[part](chance)
    if scratched:
        x, y = _grid(chance, 0.0, 0.0)
        at, along = chance.uniform(-0.5, 0.5, 2), chance.uniform(0, np.pi)
        across = (x - at[0]) * np.sin(along) - (y - at[1]) * np.cos(along)
        length = (x - at[0]) * np.cos(along) + (y - at[1]) * np.sin(along)
        grey = grey - 40 * ((abs(across) < 0.012) & (abs(length) < 0.2))
    grey = grey * chance.normal(1, 0.02) + chance.normal(0, 2)
    grey = grey + chance.normal(0, SENSOR_NOISE, grey.shape)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")


def write_set(into: Path, part: str, pictures: int) -> list[Path]:
    """Write ``pictures`` photographs of a part below ``into``, a third of them scratched."""
    files = []
    for number in range(pictures):
        label = "scratched" if number % 3 == 0 else "good"
        file = into / label / f"{part} {number:04}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        render(part, number, scratched=label == "scratched").save(file, quality=JPEG_QUALITY)
        files.append(file)
    return files
