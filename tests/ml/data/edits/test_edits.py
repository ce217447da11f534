"""Commit, restore, history and comparison of versions, also with concurrent writers."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.data import catalog
from ml.data.edits import edits
from ml.data.edits.edits import commit, compare, create, history, restore
from ml.data.ingest.bring_in import bring_in
from ml.data.splits.splits import pin_test
from ml.data.store.versions import (
    DatasetVersion,
    Item,
    latest,
    load_version,
    picture_path,
    read_summary,
    write_picture,
    write_version,
)
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture

Make = Callable[..., Path]
CLASSES = ("cat", "dog")


@pytest.fixture
def pets(workspace: Workspace) -> DatasetVersion:
    data = [as_bytes(picture(n)) for n in range(40)]
    undecided = [
        Item(write_picture(workspace, content), n % 2, None, f"{n}.png")
        for n, content in enumerate(data)
    ]
    about = {"width": 20, "height": 16, "colour": True, "bytes": sum(map(len, data))}
    items = pin_test(CLASSES, undecided)
    return write_version(workspace, "pets", CLASSES, items, about, source={"path": "/x"})


def relabel(*items: int, label: str = "cat") -> list[dict[str, Any]]:
    return [{"do": "relabel", "items": list(items), "label": label}]


def test_commit_makes_a_version_with_its_change_in_words(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    version = commit(workspace, "pets", relabel(1, 3), base=1)
    assert (version.version, latest(workspace, "pets")) == (2, 2)
    assert load_version(workspace, "pets") == version
    assert load_version(workspace, "pets", 1) == pets
    summary = read_summary(workspace, "pets")
    assert (summary["parent"], summary["change"]) == (1, "2 pictures moved to cat.")
    assert summary["source"] == {"path": "/x"}
    assert summary["classes"] == {"cat": 22, "dog": 18}


def test_commit_on_an_outdated_base_is_refused(pets: DatasetVersion, workspace: Workspace) -> None:
    commit(workspace, "pets", relabel(1), base=1)
    with pytest.raises(BadInputError, match="changed meanwhile"):
        commit(workspace, "pets", relabel(3), base=1)
    with pytest.raises(BadInputError, match="no data set dogs"):
        commit(workspace, "dogs", relabel(3), base=1)
    with pytest.raises(BadInputError, match="cannot be the name"):
        commit(workspace, "../pets", relabel(3), base=1)
    assert latest(workspace, "pets") == 2
    assert not [path for path in workspace.root.glob("*") if "lock" in path.name]


def test_of_concurrent_commits_only_one_succeeds(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    outcomes: list[object] = []

    def change(number: int) -> None:
        try:
            outcomes.append(commit(workspace, "pets", relabel(number), base=1).version)
        except BadInputError:
            outcomes.append("refused")

    threads = [threading.Thread(target=change, args=(2 * n + 1,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["2", *["refused"] * 5]
    assert latest(workspace, "pets") == 2


def test_commit_is_refused_while_pictures_are_brought_in(
    pets: DatasetVersion, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "LOCK_SECONDS", 0.1)
    with (
        FileLock(workspace.datasets / ".pets.lock"),
        pytest.raises(BadInputError, match="being brought into pets"),
    ):
        commit(workspace, "pets", relabel(1), base=1)


def test_commit_without_effect_makes_no_version(pets: DatasetVersion, workspace: Workspace) -> None:
    assert commit(workspace, "pets", relabel(0), base=1) == pets
    assert latest(workspace, "pets") == 1


def test_deleted_picture_stays_in_the_older_version(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    version = commit(workspace, "pets", [{"do": "delete", "items": [0]}], base=1)
    path = picture_path(workspace, pets.items[0].hash)
    assert path.exists()
    assert version.about["bytes"] == pets.about["bytes"] - path.stat().st_size
    everything = [{"do": "delete", "items": list(range(39))}]
    empty = commit(workspace, "pets", everything, base=2)
    assert (empty.items, empty.about["bytes"], empty.about["width"]) == ((), 0, 0)
    assert restore(workspace, "pets", 1).about == pets.about


def test_restore_makes_an_older_version_the_newest(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    commit(workspace, "pets", relabel(1), base=1)
    back = restore(workspace, "pets", 1)
    assert (back.version, back.items, back.fingerprint) == (3, pets.items, pets.fingerprint)
    summary = read_summary(workspace, "pets")
    assert (summary["parent"], summary["change"]) == (2, "Back to version 1.")
    assert restore(workspace, "pets", 3).version == 3, "the newest already"
    assert restore(workspace, "pets", summary["parent"]).items[1].label == 0, "undone, done again"
    with pytest.raises(BadInputError, match="no data set pets version 9"):
        restore(workspace, "pets", 9)


KIND = st.sampled_from(
    [
        {"do": "relabel", "items": [0, 1, 2], "label": "cat"},
        {"do": "exclude", "items": [0, 5]},
        {"do": "include", "items": [0]},
        {"do": "delete", "items": [3, 4]},
        {"do": "add_class", "name": "hen"},
        {"do": "rename_class", "old": "dog", "new": "hound"},
        {"do": "remove_class", "name": "cat"},
        {"do": "draw_test", "seed": 3},
        {"do": "set_split", "items": [1], "split": "test"},
    ]
)


@given(changes=st.lists(KIND, min_size=1, max_size=5))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undoing_step_by_step_leads_back_to_the_first_version(
    changes: list[dict[str, Any]], pets: DatasetVersion, workspace: Workspace
) -> None:
    first = load_version(workspace, "pets")
    parents = []
    for change in changes:
        newest = latest(workspace, "pets")
        try:
            if commit(workspace, "pets", [change], base=newest).version > newest:
                parents.append(newest)
        except BadInputError:
            continue
    for parent in reversed(parents):
        restored = restore(workspace, "pets", parent)
        assert restored.items == load_version(workspace, "pets", parent).items
    last = load_version(workspace, "pets")
    assert (last.classes, last.items, last.about) == (first.classes, first.items, first.about)


def test_history_has_the_newest_version_first(pets: DatasetVersion, workspace: Workspace) -> None:
    commit(workspace, "pets", [{"do": "exclude", "items": [0, 1]}], base=1)
    restore(workspace, "pets", 1)
    rows = history(workspace, "pets")
    assert [(row["version"], row["parent"]) for row in rows] == [(3, 2), (2, 1), (1, 0)]
    assert [row["change"] for row in rows] == ["Back to version 1.", "2 pictures excluded.", ""]
    assert [row["excluded"] for row in rows] == [0, 2, 0]
    assert rows[1]["classes"] == {"cat": 19, "dog": 19}
    assert rows[0]["fingerprint"] == pets.fingerprint
    assert history(workspace, "nobody") == []


def test_history_lists_versions_written_before_history_existed(
    pets: DatasetVersion, workspace: Workspace
) -> None:
    path = workspace.datasets / "pets" / "versions" / "1.summary.json"
    summary = read_summary(workspace, "pets")
    old = {key: summary[key] for key in ("name", "version", "fingerprint", "classes", "about")}
    path.write_text(json.dumps(old), encoding="utf-8")
    (row,) = history(workspace, "pets")
    assert (row["time"], row["parent"], row["change"], row["excluded"]) == (None, 0, "", 0)


def test_compare_lists_every_kind_of_difference(pets: DatasetVersion, workspace: Workspace) -> None:
    changes = [
        *relabel(1),
        {"do": "exclude", "items": [2]},
        {"do": "delete", "items": [3]},
        {"do": "add_class", "name": "hen"},
        {"do": "rename_class", "old": "dog", "new": "hound"},
        {"do": "set_split", "items": [4, 5], "split": "test"},
    ]
    new = commit(workspace, "pets", changes, base=1)
    digest = [item.hash for item in pets.items]
    to_test = sorted(digest[n] for n in (4, 5) if pets.items[n].split != "test")
    nothing: dict[str, list[Any]] = {
        "added": [], "removed": [], "relabelled": [], "excluded": [], "included": [],
        "to_test": [], "from_test": [],
        "classes_added": [], "classes_removed": [], "classes_renamed": [],
    }  # fmt: skip
    assert compare(pets, new) == nothing | {
        "removed": [digest[3]],
        "relabelled": [digest[1]],
        "excluded": [digest[2]],
        "to_test": to_test,
        "classes_added": ["hen"],
        "classes_renamed": [["dog", "hound"]],
    }
    back = compare(new, pets)
    assert back["added"] == [digest[3]]
    assert back["included"] == [digest[2]]
    assert back["from_test"] == to_test
    assert back["classes_removed"] == ["hen"]
    assert back["classes_renamed"] == [["hound", "dog"]]
    assert compare(new, new) == nothing


def test_create_makes_an_empty_set_with_a_new_name(workspace: Workspace) -> None:
    version = create(workspace, "My Pets", ["cat", "dog"])
    assert (version.name, version.classes, version.items) == ("my-pets", ("cat", "dog"), ())
    assert load_version(workspace, "my-pets") == version
    assert catalog.describe(workspace, "my-pets").pictures == 0
    for name in ("my pets", "MY-PETS", "recycling"):
        with pytest.raises(BadInputError, match="Choose another name"):
            create(workspace, name)
    with pytest.raises(BadInputError, match="class cat already"):
        create(workspace, "other", ["cat", "Cat"])
    assert latest(workspace, "other") == 0


def test_edited_bundled_set_can_be_restored(workspace: Workspace) -> None:
    first = catalog.resolve(workspace, "fashion")
    exclude = {"do": "exclude", "items": list(range(10))}
    version = commit(workspace, "fashion", [{"do": "remove_class", "name": "Bag"}, exclude], base=1)
    assert catalog.resolve(workspace, "fashion") == version
    info = catalog.describe(workspace, "fashion")
    assert (info.kind, info.title) == ("bundled", "Fashion")
    assert info.pictures == sum(version.counts.values()) == 2240
    assert "Bag" not in info.classes
    assert restore(workspace, "fashion", 1).fingerprint == first.fingerprint
    assert catalog.resolve(workspace, "fashion").items == first.items


def test_edits_of_a_folder_last_until_its_files_change(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 20, "dog": 20})
    first = bring_in(workspace, folder).version
    edited = commit(workspace, "pets", relabel(30), base=1)
    assert catalog.resolve(workspace, str(folder)) == edited
    make_folder("pets", {"hen": 20})
    again = catalog.resolve(workspace, str(folder))
    assert again.version == 3
    tested = {item.hash for item in first.items if item.split == "test"}
    first_pictures = {item.hash for item in first.items}
    assert tested == {item.hash for item in again.items if item.split == "test"} & first_pictures
