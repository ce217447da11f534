"""Changing the data or the split never silently changes the test set: bring in, add, bring in
again, edit, restore, another seed."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.data import catalog
from ml.data.edits.edits import commit, create, restore
from ml.data.ingest.bring_in import bring_in
from ml.data.store.versions import DatasetVersion, load_version, write_version
from ml.errors import BadInputError
from ml.workspace import Workspace

Make = Callable[..., Path]


def held_out(version: DatasetVersion, seed: int = 0) -> set[str]:
    """The pictures that a run with this split seed is tested on."""
    tested = catalog.run_record(version, seed)["splits"]["test"]
    return {version.items[n].hash for n in tested}


def pictures(version: DatasetVersion) -> set[str]:
    return {item.hash for item in version.items}


@pytest.fixture
def folder(make_folder: Make) -> Path:
    return make_folder("pets", {"cat": 40, "dog": 40})


@pytest.fixture
def pets(folder: Path, workspace: Workspace) -> DatasetVersion:
    return bring_in(workspace, folder).version


def test_ingest_decides_the_test_and_no_seed_moves_it(pets: DatasetVersion) -> None:
    assert Counter(item.split for item in pets.items) == {None: 68, "test": 12}
    chosen = {item.hash for item in pets.items if item.split == "test"}
    assert all(held_out(pets, seed) == chosen for seed in range(6))
    validating = {tuple(catalog.run_record(pets, seed)["splits"]["val"]) for seed in range(6)}
    assert len(validating) == 6, "the seed still moves training and validation"


def test_same_pictures_in_other_folders_have_the_same_test(
    pets: DatasetVersion, folder: Path, workspace: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "animals"
    for path in folder.rglob("*.png"):
        target = other / path.parent.name / f"x{999 - int(path.stem)}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    again = bring_in(workspace, other).version
    assert again.name == "animals"
    assert held_out(again) == held_out(pets)


def test_added_pictures_join_the_test_in_their_share(
    pets: DatasetVersion, make_folder: Make, workspace: Workspace
) -> None:
    version = pets
    for step in range(4):
        more = make_folder(f"more{step}", {"x": 20})
        before, known_pictures = held_out(version), pictures(version)
        version = bring_in(workspace, more, into="pets", label="cat" if step % 2 else "hen").version
        assert version.version == step + 2
        assert held_out(version) & known_pictures == before
        assert held_out(version) - known_pictures, "new pictures are tested on too"
    for label in range(3):
        of_class = [item for item in version.items if item.label == label]
        tested = sum(item.split == "test" for item in of_class)
        assert abs(tested - 0.15 * len(of_class)) <= 1


def test_grown_folder_keeps_its_test_when_it_is_brought_in_again(
    pets: DatasetVersion, folder: Path, make_folder: Make, workspace: Workspace
) -> None:
    make_folder("pets/dog", {"puppies": 9})
    make_folder("pets", {"a bird": 20})
    (folder / "cat" / "005.png").unlink()
    again = bring_in(workspace, folder, reuse=True).version
    assert again.version == 2
    assert again.classes[0] == "a bird", "labels have moved"
    assert held_out(again) & pictures(pets) == held_out(pets) & pictures(again)


def test_a_set_filled_class_by_class_is_tested_on_each(
    make_folder: Make, workspace: Workspace
) -> None:
    create(workspace, "birds", ["hen", "owl"])
    before: set[str] = set()
    for step, label in enumerate(("hen", "owl", "hen", "owl")):
        shots = make_folder(f"shots{step}", {"x": 20})
        version = bring_in(workspace, shots, into="birds", label=label).version
        chosen = {item.hash for item in version.items if item.split == "test"}
        assert before < chosen
        before = chosen
    tested = Counter(item.label for item in version.items if item.split == "test")
    assert tested == {0: 6, 1: 6}


EDITS: list[dict[str, Any]] = [
    {"do": "relabel", "items": list(range(0, 80, 7)), "label": "dog"},
    {"do": "exclude", "items": list(range(0, 80, 9))},
    {"do": "delete", "items": list(range(0, 80, 11))},
    {"do": "add_class", "name": "hen"},
    {"do": "rename_class", "old": "dog", "new": "hound"},
    {"do": "order_classes", "names": ["dog", "cat"]},
    {"do": "set_groups", "groups": [f"g{n // 4}" for n in range(80)]},
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: str(edit["do"]))
def test_edits_other_than_of_the_split_keep_the_test(
    edit: dict[str, Any], pets: DatasetVersion, workspace: Workspace
) -> None:
    edited = commit(workspace, "pets", [edit], base=1)
    if edit["do"] == "add_class":
        with pytest.raises(BadInputError, match="no pictures of hen"):
            catalog.run_record(edited, 0)
        return
    included = {item.hash for item in edited.items if not item.excluded}
    assert held_out(edited) == held_out(pets) & included
    assert held_out(restore(workspace, "pets", 1)) == held_out(pets)


def test_only_draw_test_and_set_split_change_the_test(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    drawn = commit(workspace, "pets", [{"do": "draw_test", "seed": 8}], base=1)
    assert held_out(drawn) != held_out(pets)
    assert len(held_out(drawn)) == 12
    undecided = next(n for n, item in enumerate(pets.items) if item.split is None)
    moved = commit(
        workspace, "pets", [{"do": "set_split", "items": [undecided], "split": "test"}], base=2
    )
    assert held_out(moved) == held_out(drawn) | {pets.items[undecided].hash}


def test_old_version_without_decided_test_gets_the_same_test(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    undecided = tuple(item._replace(split=None) for item in pets.items)
    old = write_version(workspace, "old", pets.classes, undecided, pets.about)
    assert all(held_out(old, seed) == held_out(pets) for seed in range(4))
    edited = commit(workspace, "old", [{"do": "exclude", "items": [0]}], base=1)
    assert held_out(edited) == held_out(old) - {old.items[0].hash}


@pytest.mark.parametrize(
    ("layout", "tested"), [(("train", "test"), "test"), (("train", "val"), "val")]
)
def test_given_test_folders_stay_the_test_after_adding_and_editing(
    layout: tuple[str, str], tested: str, make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("split", {f"{s}/{c}": 20 for s in layout for c in ("cat", "dog")})
    version = bring_in(workspace, folder).version
    chosen = {item.hash for item in version.items if item.split == tested}
    assert held_out(version, 3) == chosen
    more = bring_in(workspace, make_folder("more", {"x": 30}), into="split", label="hen").version
    assert held_out(more) & pictures(version) == chosen
    edited = commit(workspace, "split", [{"do": "exclude", "items": [0]}], base=2)
    assert held_out(edited) == held_out(more) - {more.items[0].hash}


def test_run_needs_two_classes_and_no_empty_class(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    with pytest.raises(BadInputError, match="birds has pictures of none"):
        catalog.run_record(create(workspace, "birds", ["hen", "owl"]), 0)
    dogs = [n for n, item in enumerate(pets.items) if item.label == 1]
    cats_only = commit(workspace, "pets", [{"do": "exclude", "items": dogs}], base=1)
    with pytest.raises(BadInputError, match="pets has pictures of one class"):
        catalog.run_record(cats_only, 0)
    assert load_version(workspace, "pets").counts == {"cat": 40, "dog": 0}
