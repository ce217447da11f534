"""Fixtures: small folders of real pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.pictures import as_bytes, picture


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """``make_folder("pets", {"cat": 3, "dog": 2})`` writes so many pictures into class folders."""
    seeds = iter(range(10**6))

    def make(name: str, counts: dict[str, int], **options: object) -> Path:
        folder = tmp_path / name
        for label, count in counts.items():
            (folder / label).mkdir(parents=True, exist_ok=True)
            for n in range(count):
                image = picture(next(seeds), **options)  # type: ignore[arg-type]
                (folder / label / f"{n:03}.png").write_bytes(as_bytes(image))
        return folder

    return make
