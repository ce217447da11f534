"""Pictures whose pixels are known: a trained model must see the same in every version."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.data.pixels.pixels import PixelSpec, canonical
from tests.ml.data.pixels.golden.make import SPECS

FOLDER = Path(__file__).parent / "golden"
INPUTS = sorted(
    path
    for path in FOLDER.iterdir()
    if path.is_file() and path.suffix != ".py" and ".expected" not in path.name
)
TOLERANCE = 3
"""Decoders differ by a level or two from one version of their library to the next."""


def test_there_are_golden_pictures_of_each_kind() -> None:
    assert len(INPUTS) == 10


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_canonical_pixels_equal_the_golden_pictures(path: Path, spec: PixelSpec) -> None:
    with Image.open(FOLDER / f"{path.stem}.{spec.key}.expected.png") as image:
        expected = np.asarray(image).reshape(spec.size, spec.size, spec.channels)
    pixels = canonical(path.read_bytes(), spec)
    difference = np.abs(pixels.astype(int) - expected)
    assert difference.max() <= TOLERANCE, f"{os.fspath(path)} moved by {difference.max()}"
    assert difference.mean() <= 0.5
