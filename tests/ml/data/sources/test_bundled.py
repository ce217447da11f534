"""The sets that come with Lensmith: honest, licensed, small."""

import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.data import catalog
from ml.data.ingest.bring_in import BUNDLED_NAMES, bundled_facts
from ml.data.sources.folders import BUNDLED
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace, open_workspace

LICENCES = {"recycling": "Gary Thung", "hands": "Arda Mavi", "fashion": "Zalando"}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DatasetVersion]:
    workspace = open_workspace(tmp_path_factory.mktemp("bundled"))
    return {name: catalog.resolve(workspace, name) for name in BUNDLED_NAMES}


def test_together_they_are_at_most_12_megabytes() -> None:
    sizes = [path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()]
    assert sum(sizes) <= 12_000_000


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_licence_and_credits_are_shipped(name: str) -> None:
    licence = (BUNDLED / name / "LICENSE").read_text(encoding="utf-8")
    credits = (BUNDLED / name / "CREDITS.md").read_text(encoding="utf-8")
    assert LICENCES[name] in licence
    assert LICENCES[name].split()[-1] in credits
    assert "https://github.com/" in credits
    assert bundled_facts(name)["licence"] in ("MIT", "Apache-2.0")


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_what_is_said_before_ingest_is_what_is_there(
    name: str, versions: dict[str, DatasetVersion], workspace: Workspace
) -> None:
    info, version = catalog.describe(workspace, name), versions[name]
    assert not info.ready
    assert list(info.counts.items()) == list(version.counts.items())
    assert info.pictures == len(version.items)
    about = version.about
    assert (info.width, info.height, info.colour) == (
        about["width"], about["height"], about["colour"],
    )  # fmt: skip
    assert info.title
    assert info.description.endswith(".")


def test_the_sets_are_of_the_promised_sizes(versions: dict[str, DatasetVersion]) -> None:
    assert set(versions["recycling"].counts.values()) == {100}
    assert len(versions["recycling"].classes) == 6
    assert versions["hands"].counts == {str(digit): 100 for digit in range(10)}
    assert len(versions["fashion"].classes) == 10
    shapes = {name: (v.about["width"], v.about["height"]) for name, v in versions.items()}
    assert shapes == {"recycling": (192, 256), "hands": (100, 100), "fashion": (28, 28)}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("recycling", (420, 90, 90)), ("hands", (700, 150, 150)), ("fashion", (1700, 300, 500))],
)
def test_the_test_pictures_are_the_same_for_every_seed_and_balanced(
    name: str, sizes: tuple[int, int, int], versions: dict[str, DatasetVersion]
) -> None:
    records = [catalog.run_record(versions[name], seed) for seed in range(3)]
    labels = versions[name].labels
    for record in records:
        assert tuple(record["counts"].values()) == sizes
        assert record["splits"]["test"] == records[0]["splits"]["test"]
        for side in ("val", "test"):
            assert len(set(Counter(labels[record["splits"][side]].tolist()).values())) == 1
    assert records[0]["splits"]["val"] != records[1]["splits"]["val"]


def test_no_person_shows_hands_on_two_sides(versions: dict[str, DatasetVersion]) -> None:
    items = versions["hands"].items
    people = defaultdict(set)
    for item in items:
        people[item.group].add(item.label)
    assert len(people) == 100
    assert all(len(digits) == 10 for digits in people.values())
    for seed in range(5):
        splits = catalog.run_record(versions["hands"], seed)["splits"]
        persons = [{items[n].group for n in splits[side]} for side in ("train", "val", "test")]
        assert [len(pictures) for pictures in persons] == [70, 15, 15]
        assert len(set.union(*persons)) == 100


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_no_picture_comes_twice(name: str, versions: dict[str, DatasetVersion]) -> None:
    hashes = [item.hash for item in versions[name].items]
    assert len(set(hashes)) == len(hashes)


def test_the_photos_tell_nothing_of_the_camera_and_are_small() -> None:
    files = sorted((BUNDLED / "hands").glob("?/*"))
    assert all(path.name.startswith("IMG_") for path in files)
    assert 2000 < np.mean([path.stat().st_size for path in files]) < 3600
    for path in [*files, *(BUNDLED / "recycling").glob("*/*")]:
        with Image.open(path) as image:
            assert not image.getexif()
            assert image.format == "JPEG"


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_the_bundle_is_what_its_hash_says(name: str) -> None:
    digest = hashlib.sha256()
    files = {path.relative_to(BUNDLED / name).as_posix(): path for path in _pictures(name)}
    for file in sorted(files):
        digest.update(file.encode() + files[file].read_bytes())
    assert digest.hexdigest() == bundled_facts(name)["sha256"]


def _pictures(name: str) -> list[Path]:
    suffixes = (".jpg", ".JPG", ".gz")
    return [path for path in (BUNDLED / name).rglob("*") if path.suffix in suffixes]
