"""Torchvision's sets by name, from files in their own layouts."""

import os
import pickle
import time
import urllib.error
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.data import catalog
from ml.data.ingest.bring_in import bring_in
from ml.data.pixels.pixels import decode
from ml.data.sources import hub_registry, torchvision_read, torchvision_sets
from ml.data.sources.torchvision_catalog import SETS
from ml.data.store.versions import read_picture
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers import torchvision_layouts as torch_layouts
from tests.helpers.pictures import SHARED
from tests.helpers.torchvision_layouts import COUNT, WRITERS, pixels

CIFAR = SHARED / "cifar10_5k_train_3k_test"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No network; what was asked for all the same."""
    asked: list[str] = []

    def refuse(request: Any, *args: object, **kwargs: object) -> None:
        asked.append(getattr(request, "full_url", request))
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    return asked


def test_every_set_has_a_reader_and_a_layout_here() -> None:
    assert set(SETS) == set(torchvision_read.READERS) == set(WRITERS)


@pytest.mark.parametrize("name", SETS)
def test_each_set_is_read_from_its_own_files(
    name: str, workspace: Workspace, offline: list[str]
) -> None:
    WRITERS[name](workspace.root / "torchvision" / name)
    done = bring_in(workspace, name)
    version = done.version
    assert version.name == name
    assert done.refused == []
    assert version.about["title"] == SETS[name].title
    assert all(count > 0 for count in version.counts.values())
    splits = Counter(item.split for item in version.items)
    assert splits["test"] > 0
    assert not offline  # what is there is not asked for


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("cifar100", ("apple", "bee", "cup")),
        ("mnist", ("0", "1", "2")),
        ("fashion_mnist", ("T-shirt/top", "Trouser", "Pullover")),
        ("svhn", ("0", "1", "2")),
        ("stl10", ("airplane", "bird")),
        ("eurosat", ("Forest", "River")),
        ("flowers102", ("pink primrose", "hard-leaved pocket orchid", "canterbury bells")),
        ("oxford_pets", ("Abyssinian", "Saint Bernard")),
    ],
)
def test_classes_have_the_names_of_the_set(
    name: str, classes: tuple[str, ...], workspace: Workspace
) -> None:
    WRITERS[name](workspace.root / "torchvision" / name)
    assert bring_in(workspace, name).version.classes == classes


def test_the_signs_have_names_and_numbers_of_their_own(workspace: Workspace) -> None:
    WRITERS["gtsrb"](workspace.root / "torchvision" / "gtsrb")
    version = bring_in(workspace, "gtsrb").version
    tested = [version.classes[i.label] for i in version.items if i.split == "test"]
    assert tested == ["Stop", "Yield"]
    assert len(set(torchvision_read.SIGNS)) == 43


@pytest.mark.parametrize(("name", "side"), [("cifar10", 32), ("svhn", 32), ("stl10", 96)])
def test_the_pixels_are_those_of_the_files(name: str, side: int, workspace: Workspace) -> None:
    WRITERS[name](workspace.root / "torchvision" / name)
    version = bring_in(workspace, name).version
    tested = [item for item in version.items if item.split == "test"]
    start = 500 if name == "cifar10" else 100
    for item, image in zip(tested, pixels(COUNT, side, start), strict=True):
        assert np.array_equal(decode(read_picture(workspace, item.hash)).pixels, image)


def test_pictures_that_are_files_are_kept_as_they_are(workspace: Workspace) -> None:
    root = workspace.root / "torchvision" / "eurosat"
    WRITERS["eurosat"](root)
    for item in bring_in(workspace, "eurosat").version.items:
        assert read_picture(workspace, item.hash) == (root / item.file).read_bytes()


def test_files_that_are_not_the_official_ones_are_named_in_a_note(workspace: Workspace) -> None:
    WRITERS["cifar10"](workspace.root / "torchvision" / "cifar10")
    (note,) = (n for n in bring_in(workspace, "cifar10").notes if "official" in n)
    assert "data_batch_1" in note
    assert "test_batch" in note
    WRITERS["mnist"](workspace.root / "torchvision" / "mnist")  # of its files no MD5 is known
    assert not any("official" in n for n in bring_in(workspace, "mnist").notes)


def test_a_root_elsewhere_is_read_and_not_written_to(tmp_path: Path, workspace: Workspace) -> None:
    root = tmp_path / "data"
    WRITERS["mnist"](root)
    before = sorted(root.rglob("*"))
    assert bring_in(workspace, "torchvision:mnist", root=root).accepted == 2 * COUNT
    assert sorted(root.rglob("*")) == before
    with pytest.raises(BadInputError, match="cifar-10-batches-py"):
        bring_in(workspace, "cifar10", root=root)


@pytest.mark.parametrize("name", SETS)
def test_offline_a_sentence_names_the_folder(
    name: str, workspace: Workspace, offline: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", name, "--json", "--workspace", str(workspace.root)]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    place = workspace.root / "torchvision" / name / SETS[name].folder
    assert str(place.resolve()) in sentence
    assert offline == [SETS[name].url]
    assert not (workspace.root / "torchvision").exists()
    # What is put there is found.
    WRITERS[name](workspace.root / "torchvision" / name)
    assert main(["ingest", name, "--json", "--workspace", str(workspace.root)]) == 0


def test_a_set_is_named_where_any_data_set_is(workspace: Workspace, offline: list[str]) -> None:
    with pytest.raises(BadInputError, match="cannot be reached"):
        catalog.resolve(workspace, "cifar10")
    WRITERS["cifar10"](workspace.root / "torchvision" / "cifar10")
    first = catalog.resolve(workspace, "cifar10")
    assert first.name == "cifar10"
    assert catalog.resolve(workspace, "cifar10") == first


def test_a_network_that_never_answers_is_given_up(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        time.sleep(2)
        raise OSError("timed out")

    assert torchvision_sets.PROBE_SECONDS < 8
    monkeypatch.setattr(torchvision_sets, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr("urllib.request.urlopen", silent)
    began = time.monotonic()
    with pytest.raises(BadInputError, match="cannot be reached"):
        bring_in(workspace, "cifar10")
    assert time.monotonic() - began < 1.5


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(
    tmp_path: Path, workspace: Workspace
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return os.mkdir, (str(tmp_path / "owned"),)

    root = workspace.root / "torchvision" / "cifar10"
    WRITERS["cifar10"](root)
    batch = root / "cifar-10-batches-py" / "data_batch_2"
    batch.write_bytes(pickle.dumps({"data": Evil(), "labels": []}))
    with pytest.raises(BadInputError, match=r"mkdir, which is no picture"):
        bring_in(workspace, "cifar10")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", ["cifar10", "svhn", "stl10", "mnist", "flowers102"])
@pytest.mark.parametrize("damage", ["cut", "empty", "noise"])
def test_damaged_files_are_said_in_a_sentence(name: str, damage: str, workspace: Workspace) -> None:
    root = workspace.root / "torchvision" / name
    WRITERS[name](root)
    largest = max(
        (path for path in root.rglob("*") if path.is_file() and path.suffix != ".jpg"),
        key=lambda path: path.stat().st_size,
    )
    data = largest.read_bytes()
    changed = {"cut": data[: len(data) // 2 + 1], "empty": b"", "noise": os.urandom(len(data))}
    largest.write_bytes(changed[damage])
    if (name, damage) == ("stl10", "noise"):  # any bytes are pixels there
        assert bring_in(workspace, name).accepted == 2 * COUNT
        return
    with pytest.raises(BadInputError, match="not whole"):
        bring_in(workspace, name)


def test_an_interrupted_download_leaves_nothing_that_looks_like_the_set(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import utils

    def half(root: Path, download: bool) -> list[torchvision_read.Part]:
        (root / "cifar-10-batches-py").mkdir(parents=True)
        raise OSError("connection reset")

    def complete(root: Path, download: bool) -> list[torchvision_read.Part]:
        if download:
            with utils.tqdm(total=100, unit="B") as bar:  # as torchvision downloads
                bar.update(20)
                bar.update(80)
            torch_layouts.cifar10(root)
        return torchvision_read._cifar("CIFAR10", root, False)

    monkeypatch.setattr(torchvision_sets, "_reachable", lambda url: True)
    monkeypatch.setitem(torchvision_read.READERS, "cifar10", half)
    with pytest.raises(BadInputError, match="could not be downloaded"):
        bring_in(workspace, "cifar10")
    assert list((workspace.root / "torchvision").iterdir()) == []
    monkeypatch.setitem(torchvision_read.READERS, "cifar10", complete)
    shares: list[float] = []
    assert bring_in(workspace, "cifar10", progress=shares.append).accepted == 6 * COUNT
    assert shares == sorted(shares)
    assert shares[:2] == [0.1, 0.5]
    assert shares[-1] == 1.0
    assert (workspace.root / "torchvision" / "cifar10" / "cifar-10-batches-py").is_dir()


def test_names_are_known_as_people_write_them() -> None:
    for text in ("cifar10", "CIFAR-10", "torchvision:cifar10", "torchvision:CIFAR-10"):
        hub, known = hub_registry.find(text) or (None, None)
        assert hub is not None
        assert (hub.name, known) == ("torchvision", SETS["cifar10"])
    assert hub_registry.find("my-pictures") is None
    with pytest.raises(BadInputError, match="oxford_pets"):
        hub_registry.find("torchvision:imagenet")


@pytest.mark.skipif(not CIFAR.is_dir(), reason="the CIFAR-10 pictures are not at hand")
def test_cifar10_from_real_pictures_trains(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    root = workspace.root / "torchvision" / "cifar10"
    names = sorted(path.name for path in (CIFAR / "train").iterdir())
    folder = root / "cifar-10-batches-py"
    for n, batch in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        side = "test" if batch == "test_batch" else "train"
        images, labels = [], []
        for label, name in enumerate(names):
            for path in sorted((CIFAR / side / name).iterdir())[n * 8 : n * 8 + 8]:
                images.append(np.asarray(Image.open(path).convert("RGB")))
                labels.append(label)
        torch_layouts.cifar_batch(folder / batch, np.stack(images), labels)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, protocol=2))
    where = ["--workspace", str(workspace.root), "--json"]
    assert main(["ingest", "CIFAR-10", *where]) == 0
    train = ["train", "--dataset", "cifar10", "--model", "small_cnn", "--epochs", "1", *where]
    assert main(train) == 0
    assert '"status": "finished"' in capsys.readouterr().out
