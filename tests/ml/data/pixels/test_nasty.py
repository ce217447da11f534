"""Odd and broken pictures of other projects' test suites, where they are at hand."""

import csv

import numpy as np
import pytest

from ml.data.pixels.pixels import PixelSpec, canonical, decode, read_facts
from ml.errors import BadInputError
from tests.helpers.pictures import SHARED

NASTY = SHARED / "nasty_images"
pytestmark = pytest.mark.skipif(
    not (NASTY / "MANIFEST.csv").is_file(),
    reason="the collection of nasty pictures is not beside the repository",
)


def test_each_picture_gives_the_result_of_the_manifest() -> None:
    with (NASTY / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    wrong = []
    for row in rows:
        data = (NASTY / row["file"]).read_bytes()
        try:
            seen, facts = decode(data).pixels, read_facts(data)
            assert (facts.height, facts.width) == seen.shape[:2]
            assert canonical(data, PixelSpec(32)).shape == (32, 32, 3)
            outcome = "OK"
        except BadInputError:
            outcome = "refused"
        if (outcome == "OK") != (row["result"] == "OK"):
            wrong.append((row["file"], outcome))
    assert wrong == []


@pytest.mark.parametrize("kind", ["Landscape", "Portrait"])
def test_each_turned_photo_looks_the_same(kind: str) -> None:
    photos = [(NASTY / "exif_orientation" / f"{kind}_{n}.jpg").read_bytes() for n in range(9)]
    first, *others = [canonical(data, PixelSpec(48)).astype(int) for data in photos]
    for other in others:
        assert np.abs(other - first).mean() < 4
