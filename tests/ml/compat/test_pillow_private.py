"""Pillow still lets a picture be taken from its file, and without that a copy does the same."""

import io

import pytest
from PIL import Image

from ml.compat.pillow_private import TRIED_WITH, detached
from tests.helpers.pictures import as_bytes, picture


def test_pillow_still_has_the_private_part() -> None:
    assert hasattr(Image.Image, "_new"), f"Pillow has changed since {TRIED_WITH}"


@pytest.mark.parametrize("private", [True, False])
def test_detached_picture_outlives_its_file(private: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    original = picture()
    with Image.open(io.BytesIO(as_bytes(original, "PNG", dpi=(72, 72)))) as opened:
        opened.load()
        if not private:
            monkeypatch.setattr(opened, "_new", None, raising=False)
            monkeypatch.setattr(opened, "copy", original.copy)
        plain = detached(opened)
    assert type(plain) is Image.Image
    assert plain.info == {}
    assert plain.tobytes() == original.tobytes()
