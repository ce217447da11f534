"""Decoding of hostile bytes: whatever they are, the one error is a sentence."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from ml.data.pixels import decode as decoding
from ml.data.pixels.decode import OUT_OF_MEMORY, guarded, load
from ml.data.pixels.pixels import PixelSpec, canonical, decode, facts_and_pixels, read_facts
from ml.data.pixels.thumbnails import data_uri
from ml.data.splits.capture_time import capture_time as camera_time
from ml.doctor.image_statistics import capture_time
from ml.errors import BadInputError
from ml.serving.pictures import encode_preview
from tests.helpers.mutations import gif_without_palette, mutated, seed_pictures
from tests.helpers.pictures import as_bytes, picture

SPEC = PixelSpec(16)
FUNCTIONS: dict[str, Callable[[bytes], Any]] = {
    "decode": decode,
    "read_facts": read_facts,
    "facts_and_pixels": lambda data: facts_and_pixels(data, SPEC),
    "canonical": lambda data: canonical(data, SPEC),
    "data_uri": data_uri,
    "preview": lambda data: encode_preview(load(data)[0]),
    "camera_time": camera_time,
    "capture_time": capture_time,
}


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gif_without_palette_is_read(name: str, frames: int) -> None:
    FUNCTIONS[name](gif_without_palette(frames))


def test_animated_gif_without_palette_shows_its_first_frame() -> None:
    alone, animated = decode(gif_without_palette(1)), decode(gif_without_palette(2))
    assert (alone.pixels == animated.pixels).all()
    assert animated.notes == ("first frame of several taken",)


def test_comment_of_a_picture_is_not_written_on() -> None:
    data = as_bytes(picture(), "GIF", comment=b"x" * 70_000)
    assert len(load(data)[0].info) == 0
    assert Image.open(io.BytesIO(encode_preview(load(data)[0]))).size == (20, 16)


@pytest.mark.parametrize("kind", [RuntimeError, AssertionError, RecursionError, KeyError])
def test_guarded_function_raises_sentences_only(kind: type[Exception]) -> None:
    @guarded
    def fails(data: bytes) -> None:
        raise kind("seek of closed file")

    with pytest.raises(BadInputError, match="damaged"):
        fails(b"x")


def test_picture_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "_upright", fails)
    with pytest.raises(BadInputError, match=OUT_OF_MEMORY[:40]):
        read_facts(as_bytes(picture()))


def test_mutated_pictures_are_read_or_refused() -> None:
    seeds = seed_pictures()
    outcomes = {True: 0, False: 0}
    for number in range(1500):
        data = mutated(seeds, number)
        for name, function in FUNCTIONS.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    function(data)
            except BadInputError:
                outcomes[False] += 1
            except Exception as error:
                raise AssertionError(f"{name} of mutation {number}: {error!r}") from error
            else:
                outcomes[True] += 1
    assert min(outcomes.values()) > 500
