"""Draws are stratified, follow the seed, and have no picture on two sides."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.drawing import draw, open_source, write_folders


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """40 cats and 20 dogs of 30x20 px, each in two files with the same bytes."""
    generator = np.random.default_rng(0)
    for label, count in (("cat", 40), ("dog", 20)):
        folder = tmp_path / "pets" / label
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            for copy in "ab":
                Image.fromarray(pixels).save(folder / f"{number}{copy}.png")
    return tmp_path / "pets"


@pytest.mark.parametrize("seed", [0, 1])
def test_a_draw_is_stratified_and_tears_no_copies_apart(pictures: Path, seed: int) -> None:
    source = open_source(pictures)
    drawn = draw(source, 60, 30, seed)
    assert Counter(source.items[n].label for n in drawn.train) == {0: 40, 1: 20}
    assert Counter(source.items[n].label for n in drawn.test) == {0: 20, 1: 10}
    sides = [{source.items[n].hash for n in side} for side in (drawn.train, drawn.test)]
    assert not sides[0] & sides[1]
    assert np.array_equal(drawn.train, draw(source, 60, 30, seed).train)
    assert not np.array_equal(drawn.train, draw(source, 60, 30, seed + 2).train)


def test_a_test_folder_stays_the_test_and_its_copies_do_not_train(
    pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "split").mkdir()
    pictures.rename(tmp_path / "split" / "train")
    for label in ("cat", "dog"):
        target = tmp_path / "split" / "val" / label
        target.mkdir(parents=True)
        copied = tmp_path / "split" / "train" / label / "0a.png"
        (target / "held-out.png").write_bytes(copied.read_bytes())
    source = open_source(tmp_path / "split")
    drawn = draw(source, 0, 100, 0)
    assert {source.items[n].file for n in drawn.test} == {
        "val/cat/held-out.png",
        "val/dog/held-out.png",
    }
    assert len(drawn.train) == 116


def test_written_pictures_have_the_side_that_is_asked_for(pictures: Path, tmp_path: Path) -> None:
    source = open_source(pictures)
    drawn = draw(source, 20, 10, 0)
    write_folders(source, drawn, tmp_path / "out", side=12)
    files = sorted((tmp_path / "out").glob("*/*/*"))
    assert len(files) == len(drawn.train) + len(drawn.test)
    with Image.open(files[0]) as image:
        assert image.size == (18, 12)
