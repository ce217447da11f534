"""Pictures of a run as arrays, and the pixel cache."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.data import catalog
from ml.data.pixels import cache
from ml.data.pixels.pixels import PixelSpec, canonical
from ml.data.run_pictures import open_pictures
from ml.data.store.versions import picture_path, read_picture
from ml.errors import BadInputError, WorkspaceError
from ml.workspace import Workspace

Make = Callable[..., Path]
SPEC = PixelSpec(12)


@pytest.fixture
def folder(make_folder: Make) -> Path:
    return make_folder("pets", {"cat": 30, "dog": 40})


@pytest.fixture
def record(folder: Path, workspace: Workspace) -> dict[str, Any]:
    return catalog.run_record(catalog.resolve(workspace, str(folder)), 0)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[PixelSpec]:
    """One entry for each picture that was decoded."""
    specs: list[PixelSpec] = []

    def counted(data: bytes, spec: PixelSpec) -> Any:
        specs.append(spec)
        return canonical(data, spec)

    monkeypatch.setattr(cache, "canonical", counted)
    return specs


@pytest.mark.parametrize("spec", [SPEC, PixelSpec(9, "grey", "squeeze")], ids=lambda s: s.key)
def test_pixels_of_a_split_are_canonical(
    spec: PixelSpec, record: dict[str, Any], workspace: Workspace
) -> None:
    pictures = open_pictures(workspace, record, spec)
    version = pictures.version
    assert sum(len(pictures.indices(side)) for side in ("train", "val", "test")) == 70
    for side in ("train", "val", "test", "all"):
        pixels = pictures.pixels(side)
        assert pixels.shape == (len(pictures.indices(side)), spec.size, spec.size, spec.channels)
        np.testing.assert_array_equal(pixels, pictures.all_pixels[pictures.rows(side)])
        for n, item_index in enumerate(pictures.indices(side)):
            item = version.items[item_index]
            expected = canonical(read_picture(workspace, item.hash), spec)
            np.testing.assert_array_equal(pixels[n], expected)
            assert pictures.labels(side)[n] == item.label
            assert pictures.hashes(side)[n] == item.hash
            assert pictures.files(side)[n] == item.file


def test_cache_is_made_once_for_each_spec(
    record: dict[str, Any], workspace: Workspace, decoded: list[PixelSpec]
) -> None:
    for _ in range(3):
        open_pictures(workspace, record, SPEC)
    assert len(decoded) == 70
    open_pictures(workspace, record, PixelSpec(10))
    assert len(decoded) == 140


def test_new_version_decodes_only_new_pictures(
    record: dict[str, Any],
    workspace: Workspace,
    decoded: list[PixelSpec],
    make_folder: Make,
    folder: Path,
) -> None:
    before = open_pictures(workspace, record, SPEC).pixels("train").copy()
    make_folder("pets", {"ant": 5})
    newer = catalog.run_record(catalog.resolve(workspace, str(folder)), 0)
    assert newer["version"] == 2
    pictures = open_pictures(workspace, newer, SPEC)
    assert len(decoded) == 75
    item = pictures.version.items[0]
    expected = canonical(read_picture(workspace, item.hash), SPEC)
    np.testing.assert_array_equal(pictures.pixels("all")[0], expected)
    np.testing.assert_array_equal(open_pictures(workspace, record, SPEC).pixels("train"), before)


@pytest.mark.parametrize("damage", ["cut", "empty", "index", "other shape", "gone"])
def test_a_damaged_cache_is_made_anew(
    damage: str, record: dict[str, Any], workspace: Workspace
) -> None:
    before = open_pictures(workspace, record, SPEC).pixels("all").copy()
    place = workspace.datasets / "pets" / "cache" / SPEC.key
    pixels = next(place.glob("pixels-*.npy"))
    if damage == "cut":
        pixels.write_bytes(pixels.read_bytes()[:-100])
    elif damage == "empty":
        pixels.write_bytes(b"")
    elif damage == "index":
        (place / "index.json").write_text('{"token": 3}', encoding="utf-8")
    elif damage == "other shape":
        np.save(pixels, np.zeros((70, 5, 5, 3), dtype=np.uint8))
    else:
        for path in place.iterdir():
            path.unlink()
    np.testing.assert_array_equal(open_pictures(workspace, record, SPEC).pixels("all"), before)
    assert len(list(place.glob("pixels-*.npy"))) == 1


def test_concurrent_calls_make_one_cache(
    record: dict[str, Any], workspace: Workspace, decoded: list[PixelSpec]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_pictures(workspace, record, SPEC), range(4)))
    for other in opened[1:]:
        np.testing.assert_array_equal(other.pixels("all"), opened[0].pixels("all"))
    assert len(decoded) == 70


def test_crash_leaves_no_cache(
    record: dict[str, Any], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(10**6))

    def crash(data: bytes, spec: PixelSpec) -> Any:
        if next(count) > 40:
            raise RuntimeError("power cut")
        return canonical(data, spec)

    monkeypatch.setattr(cache, "canonical", crash)
    with pytest.raises(RuntimeError):
        open_pictures(workspace, record, SPEC)
    monkeypatch.undo()
    place = workspace.datasets / "pets" / "cache" / SPEC.key
    assert not list(place.glob("*.npy"))
    assert len(open_pictures(workspace, record, SPEC).all_pixels) == 70


def test_full_disk_is_an_error_in_a_sentence(
    record: dict[str, Any], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        open_pictures(workspace, record, SPEC)


def test_progress_rises_to_one(record: dict[str, Any], workspace: Workspace) -> None:
    shares: list[float] = []
    open_pictures(workspace, record, SPEC, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_record_of_another_fingerprint_or_version_is_refused(
    record: dict[str, Any], workspace: Workspace
) -> None:
    with pytest.raises(BadInputError, match="not the one"):
        open_pictures(workspace, {**record, "fingerprint": "0" * 64}, SPEC)
    with pytest.raises(BadInputError, match="no data set"):
        open_pictures(workspace, {**record, "version": 9}, SPEC)


def test_missing_picture_is_an_error_in_a_sentence(
    record: dict[str, Any], workspace: Workspace
) -> None:
    version = catalog.resolve(workspace, "pets")
    picture_path(workspace, version.items[3].hash).unlink()
    with pytest.raises(BadInputError, match="missing"):
        open_pictures(workspace, record, SPEC)


def test_pixels_of_consecutive_rows_are_a_view(make_folder: Make, workspace: Workspace) -> None:
    folder = make_folder("split", {f"{s}/{c}": 20 for s in ("test", "train") for c in ("a", "b")})
    record = catalog.run_record(catalog.resolve(workspace, str(folder)), 0)
    pictures = open_pictures(workspace, json.loads(json.dumps(record)), SPEC)
    assert np.shares_memory(pictures.pixels("test"), pictures.all_pixels)
    assert not np.shares_memory(pictures.pixels("train"), pictures.all_pixels)
