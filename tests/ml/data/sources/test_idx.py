"""IDX files, honest ones and others."""

import gzip
import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.data.pixels.png import png
from ml.data.sources.registry import list_source
from ml.errors import BadInputError
from tests.helpers.pictures import write_idx

IMAGES, LABELS = "{}-images-idx3-ubyte{}", "{}-labels-idx1-ubyte{}"


def make(
    folder: Path, train: int = 6, test: int = 4, end: str = ".gz", classes: int = 2
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    made = {}
    for part, count in (("train", train), ("t10k", test)):
        if count:
            made[part] = rng.integers(0, 256, (count, 5, 7), dtype=np.uint8)
            write_idx(folder / IMAGES.format(part, end), made[part])
            write_idx(folder / LABELS.format(part, end), np.arange(count) % classes)
    return made


@pytest.mark.parametrize("end", [".gz", ""])
@pytest.mark.parametrize("below", ["", "raw", "FashionMNIST/raw"])
def test_the_pictures_come_as_they_are_stored(end: str, below: str, tmp_path: Path) -> None:
    made = make(tmp_path / below, end=end)
    listing = list_source(tmp_path)
    candidates = list(listing.candidates)
    assert listing.classes == ("0", "1")
    assert listing.count == len(candidates) == 10
    assert [one.split for one in candidates] == ["train"] * 6 + ["test"] * 4
    assert [one.label for one in candidates] == [*"010101", *"0101"]
    assert len({one.file for one in candidates}) == 10
    for one, pixels in zip(candidates, np.concatenate(list(made.values())), strict=True):
        with Image.open(io.BytesIO(one.read())) as image:
            assert (image.format, image.mode) == ("PNG", "L")
            np.testing.assert_array_equal(np.asarray(image), pixels)
        assert one.facts is not None
        assert (one.facts.width, one.facts.height, one.facts.colour) == (7, 5, False)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_any_size_of_png_is_read_back_by_pillow(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    data = png(pixels.tobytes(), height, width)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_the_other_spelling_is_known_and_one_part_alone_is_not_split(tmp_path: Path) -> None:
    make(tmp_path, test=0, end="")
    for path in tmp_path.iterdir():
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert {one.split for one in list_source(tmp_path).candidates} == {None}


def test_class_names_come_from_a_file_beside(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "about.json").write_text('{"classes": ["left", "right"]}', encoding="utf-8")
    assert list_source(tmp_path).classes == ("left", "right")
    (tmp_path / "classes.txt").write_text("cat\n dog \n\n", encoding="utf-8")
    assert list_source(tmp_path).classes == ("cat", "dog")


@pytest.mark.parametrize("names", ["one\n", "same\nsame\n"])
def test_class_names_that_do_not_fit_are_refused(names: str, tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "classes.txt").write_text(names, encoding="utf-8")
    with pytest.raises(BadInputError, match="class names"):
        list_source(tmp_path)


@pytest.mark.parametrize("about", ["[1, 2]", '{"classes": 3}', "{", '{"title": ["a"]}'])
def test_an_about_file_of_another_kind_does_no_harm(about: str, tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "about.json").write_text(about, encoding="utf-8")
    listing = list_source(tmp_path)
    assert (listing.classes, listing.about) == (("0", "1"), {})


def head(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (IMAGES, head(0x803, 6, 5), "cut short"),
        (IMAGES, head(0x801, 6, 5, 7) + bytes(210), "not an IDX file of pictures"),
        (IMAGES, head(0x803, 6, 0, 7), "not an IDX file of pictures"),
        (IMAGES, head(0x803, 6, 99999, 7), "not an IDX file of pictures"),
        (IMAGES, head(0x803, 7, 5, 7) + bytes(245), "do not belong together"),
        (IMAGES, head(0x803, 6, 5, 7) + bytes(209), "cut short"),
        (IMAGES, head(0x803, 6, 5, 7) + bytes(211), "longer than it says"),
        (IMAGES, head(0x803, 6, 4096, 4096) + bytes(99), "cut short"),
        (LABELS, head(0x803, 6) + bytes(6), "not an IDX file of labels"),
        (LABELS, head(0x801, 6) + bytes(5), "cut short"),
        (LABELS, head(0x801, 6) + bytes(7), "longer than it says"),
        (LABELS, head(0x801, 0), "do not belong together"),
        (LABELS, b"", "cut short"),
    ],
)
def test_a_file_that_lies_is_refused(
    name: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    make(tmp_path, end="")
    (tmp_path / name.format("train", "")).write_bytes(content)
    with pytest.raises(BadInputError, match=sentence):
        list(list_source(tmp_path).candidates)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"no gzip at all"])
@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_a_damaged_archive_is_refused(name: str, damage: object, tmp_path: Path) -> None:
    make(tmp_path)
    path = tmp_path / name.format("train", ".gz")
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BadInputError, match=r"cannot be unpacked|cut short"):
        list(list_source(tmp_path).candidates)


def test_a_bomb_is_read_a_piece_at_a_time(tmp_path: Path) -> None:
    count, side = 300, 1024
    content = head(0x803, count, side, side) + bytes(count * side * side)  # 315 MB in 300 KB
    (tmp_path / IMAGES.format("train", ".gz")).write_bytes(gzip.compress(content, 1))
    del content
    write_idx(tmp_path / LABELS.format("train", ""), np.arange(count) % 2)
    candidates = list_source(tmp_path).candidates
    tracemalloc.start()
    try:
        for _ in range(20):
            next(candidates)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
        candidates.close()  # type: ignore[attr-defined]
