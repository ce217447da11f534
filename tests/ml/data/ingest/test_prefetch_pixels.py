"""Prefetched pixels equal those that training would prepare."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ml.config import TrainConfig
from ml.data import catalog
from ml.data.ingest import bring_in as ingestion
from ml.data.ingest import prefetch_pixels
from ml.data.pixels import cache
from ml.data.pixels.pixels import PixelSpec, canonical
from ml.data.run_pictures import open_pictures
from ml.data.store.versions import read_picture
from ml.presets import default_pixels, recommended_settings
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture

Make = Callable[..., Path]


bring_in = partial(ingestion.bring_in, pixels_for=default_pixels)


def caches(workspace: Workspace, name: str) -> list[str]:
    return sorted(path.name for path in (workspace.datasets / name).glob("cache/*"))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"width": 90, "height": 70}, "224-rgb-crop"),
        ({"width": 28, "height": 28}, "28-rgb-crop"),
        ({"width": 28, "height": 28, "mode": "L"}, "28-grey-crop"),
    ],
)
def test_training_with_suggested_settings_reads_no_original(
    options: dict[str, object], key: str, make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 40, "dog": 40}, **options)
    shutil.copy(folder / "cat" / "000.png", folder / "dog" / "again.png")
    (folder / "cat" / "bad.png").write_bytes(b"no picture")
    version = bring_in(workspace, folder).version
    assert caches(workspace, "pets") == [key]
    config = TrainConfig(dataset="pets").changed(
        **recommended_settings(catalog.describe(workspace, "pets"))
    )
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    expected = [canonical(read_picture(workspace, item.hash), spec) for item in version.items]
    shutil.rmtree(workspace.pictures)
    pictures = open_pictures(workspace, catalog.run_record(version, 0), spec)
    assert np.array_equal(pictures.pixels("all"), np.stack(expected))


def test_without_pixels_for_nothing_is_prefetched(make_folder: Make, workspace: Workspace) -> None:
    ingestion.bring_in(workspace, make_folder("pets", {"a": 3, "b": 3}))
    assert caches(workspace, "pets") == []


def test_wrongly_guessed_pixels_are_removed(make_folder: Make, workspace: Workspace) -> None:
    folder = make_folder("pets", {"a": 20}, width=30, height=30)
    make_folder("pets", {"b": 60}, width=100, height=100)
    bring_in(workspace, folder)
    assert caches(workspace, "pets") == []
    record = catalog.run_record(catalog.resolve(workspace, "pets"), 0)
    assert len(open_pictures(workspace, record, PixelSpec(16)).pixels("all")) == 80


@pytest.mark.parametrize("first", ["L", "RGB"])
def test_colour_is_found_whatever_the_guess(
    first: str, make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"a": 20}, width=28, height=28, mode=first)
    make_folder("pets", {"b": 20}, width=28, height=28, mode="L" if first == "RGB" else "RGB")
    assert bring_in(workspace, folder).version.about["colour"]
    spot = make_folder("spot", {"a": 20, "b": 20}, width=90, height=60, mode="L")
    image = picture(1, 90, 60, "L").convert("RGB")
    image.paste((255, 0, 0), (0, 0, 8, 60))  # outside the middle square
    (spot / "b" / "spot.png").write_bytes(as_bytes(image))
    assert bring_in(workspace, spot).version.about["colour"]


def test_later_version_reuses_the_rows_of_the_first(
    make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_in(workspace, make_folder("pets", {"a": 20, "b": 20}, width=28, height=28))
    new = bring_in(workspace, make_folder("more", {"a": 3}), into="pets", label="a").version
    read: list[str] = []
    real = cache.read_picture
    monkeypatch.setattr(
        cache, "read_picture", lambda w, digest: (read.append(digest), real(w, digest))[1]
    )
    open_pictures(workspace, catalog.run_record(new, 0), PixelSpec(28))
    assert sorted(read) == sorted(item.hash for item in new.items[40:])


@pytest.mark.parametrize("moment", ["start", "middle", "end"])
def test_full_disk_ends_the_prefetch_and_not_the_ingest(
    moment: str, make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    kind = cache.RowWriter if moment == "middle" else prefetch_pixels.CacheWriter
    name = {"start": "__init__", "middle": "write", "end": "finish"}[moment]
    monkeypatch.setattr(kind, name, full)
    done = bring_in(workspace, make_folder("pets", {"a": 20, "b": 20}))
    assert done.accepted == 40
    monkeypatch.undo()
    assert not list(workspace.datasets.rglob("*.npy"))


def test_without_disk_room_nothing_is_prefetched(
    make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch_pixels, "MAX_PREFETCH_BYTES", 1000)
    bring_in(workspace, make_folder("pets", {"a": 3, "b": 3}))
    assert caches(workspace, "pets") == []


def test_sample_of_unreadable_pictures_prefetches_nothing(
    tmp_path: Path, workspace: Workspace
) -> None:
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for n in range(30):
            data = b"bad" if label == "a" and n < 25 else as_bytes(picture(n, 32, 32))
            (tmp_path / "set" / label / f"{n:02}.png").write_bytes(data)
    assert bring_in(workspace, tmp_path / "set").accepted == 35
    assert caches(workspace, "set") == []
