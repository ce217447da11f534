"""Catalog: names and paths of data sets, and when pictures are brought in again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data import catalog
from ml.data.ingest import bring_in as bringing
from ml.data.ingest.bring_in import BUNDLED_NAMES, bring_in, slug
from ml.data.store.versions import picture_path
from ml.errors import BadInputError
from ml.workspace import Workspace

Make = Callable[..., Path]


@pytest.fixture
def ingests(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were really read."""
    read: list[Path] = []
    real = bringing.ingest

    def recorded(workspace: Workspace, path: Path, *args: object, **kwargs: object) -> object:
        read.append(path)
        return real(workspace, path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(bringing, "ingest", recorded)
    return read


def test_folder_is_read_again_only_when_its_files_change(
    make_folder: Make, workspace: Workspace, ingests: list[Path]
) -> None:
    folder = make_folder("My Pets", {"cat": 2, "dog": 2})
    first = catalog.resolve(workspace, str(folder))
    assert (first.name, first.version) == ("my-pets", 1)
    assert catalog.resolve(workspace, str(folder)) == first
    assert catalog.resolve(workspace, "my-pets") == first
    assert len(ingests) == 1
    make_folder("My Pets", {"cow": 2})
    second = catalog.resolve(workspace, str(folder))
    assert (second.name, second.version, len(second.classes)) == ("my-pets", 2, 3)
    assert len(ingests) == 2


def test_rewritten_equal_files_make_no_new_version(
    make_folder: Make, workspace: Workspace, ingests: list[Path]
) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2})
    first = catalog.resolve(workspace, str(folder))
    path = folder / "cat" / "000.png"
    path.write_bytes(path.read_bytes())
    for _ in range(2):
        assert catalog.resolve(workspace, str(folder)) == first
    assert len(ingests) == 2


def test_deleted_originals_are_brought_in_again(make_folder: Make, workspace: Workspace) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2})
    version = catalog.resolve(workspace, str(folder))
    path = picture_path(workspace, version.items[0].hash)
    path.unlink()
    catalog.resolve(workspace, str(folder))
    assert path.exists()


def test_second_folder_of_a_name_gets_another_name(make_folder: Make, workspace: Workspace) -> None:
    names = []
    for parent in ("one", "two", "three"):
        folder = make_folder(f"{parent}/pets", {"cat": 2, "dog": 2})
        names.append(catalog.resolve(workspace, str(folder)).name)
    assert names == ["pets", "pets-2", "pets-3"]
    hands = make_folder("hands", {"left": 2, "right": 2})
    assert catalog.resolve(workspace, str(hands)).name == "hands-2"


def test_name_of_another_data_set_is_refused(make_folder: Make, workspace: Workspace) -> None:
    first_folder, second_folder = (
        make_folder(name, {"cat": 2, "dog": 2}) for name in ("one", "two")
    )
    assert bring_in(workspace, first_folder, "Mine").version.name == "mine"
    assert bring_in(workspace, first_folder, "mine").version.version == 1
    for taken in ("mine", "MINE", *BUNDLED_NAMES):
        with pytest.raises(BadInputError, match="Choose another name"):
            bring_in(workspace, second_folder, taken)
    assert catalog.resolve(workspace, str(first_folder)).name == "mine"


@pytest.mark.parametrize(
    "wanted",
    ["", "nothing-here", "../..", "a/b", "~nobody-at-all/x", "x" * 5000, "nul\0", "-2"],
)
def test_an_unknown_name_lists_the_known_ones(wanted: str, workspace: Workspace) -> None:
    with pytest.raises(BadInputError):
        catalog.describe(workspace, wanted)
    if wanted != "../..":
        with pytest.raises(BadInputError, match="recycling, hands, fashion"):
            catalog.resolve(workspace, wanted)


def test_list_has_bundled_sets_first_and_marks_ready_ones(
    make_folder: Make, workspace: Workspace
) -> None:
    catalog.resolve(workspace, str(make_folder("pets", {"cat": 2, "dog": 3})))
    catalog.resolve(workspace, "fashion")
    infos = {info.name: info for info in catalog.list_datasets(workspace)}
    assert list(infos) == ["recycling", "hands", "fashion", "pets"]
    assert {name: info.ready for name, info in infos.items()} == {
        "recycling": False, "hands": False, "fashion": True, "pets": True,
    }  # fmt: skip
    pets = infos["pets"]
    assert (pets.kind, pets.pictures, pets.classes) == ("own", 5, ("cat", "dog"))
    assert (pets.width, pets.height, pets.colour) == (20, 16, True)
    assert pets.counts == {"cat": 2, "dog": 3}


def test_damaged_data_set_does_not_hide_the_others(make_folder: Make, workspace: Workspace) -> None:
    for name in ("one", "two"):
        catalog.resolve(workspace, str(make_folder(name, {"cat": 2, "dog": 2})))
    (workspace.datasets / "one" / "versions" / "1.summary.json").write_text("{")
    assert [info.name for info in catalog.list_datasets(workspace)][3:] == ["two"]


def test_listing_reads_no_version(
    make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.resolve(workspace, str(make_folder("pets", {"cat": 2, "dog": 2})))
    (workspace.datasets / "pets" / "versions" / "1.json").write_text("not read")
    assert catalog.describe(workspace, "pets").pictures == 4


def test_run_record_is_json_with_every_item_in_one_split(
    make_folder: Make, workspace: Workspace
) -> None:
    version = catalog.resolve(workspace, str(make_folder("pets", {"cat": 20, "dog": 20})))
    record = json.loads(json.dumps(catalog.run_record(version, 7)))
    assert record["fingerprint"] == version.fingerprint
    assert (record["name"], record["version"], record["split_seed"]) == ("pets", 1, 7)
    assert record["counts"] == {"train": 28, "val": 6, "test": 6}
    indices = [n for side in ("train", "val", "test") for n in record["splits"][side]]
    assert sorted(indices) == list(range(40))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("hymenoptera_data", "hymenoptera_data"),
        ("My Pets (2019)", "my-pets--2019"),
        ("../../etc", "etc"),
        (".hidden", "hidden"),
        ("CON", "con-set"),
        ("猫と犬", "猫と犬"),
        ("", "pictures"),
        ("...", "pictures"),
        ("x" * 300, "x" * 60),
    ],
)
def test_slug_is_valid_on_every_file_system(name: str, made: str) -> None:
    assert slug(name) == made
