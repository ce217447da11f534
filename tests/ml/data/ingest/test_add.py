"""Adding pictures to an existing data set."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data.ingest.bring_in import bring_in
from ml.data.splits.splits import split_indices
from ml.data.store.versions import load_version, picture_path, read_report, read_summary
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture
from tests.helpers.zips import pack

Make = Callable[..., Path]


@pytest.fixture
def pets(make_folder: Make, workspace: Workspace) -> Path:
    folder = make_folder("pets", {"cat": 20, "dog": 20})
    bring_in(workspace, folder)
    return folder


def test_pictures_go_into_the_named_class_whatever_their_folders(
    make_folder: Make, tmp_path: Path, pets: Path, workspace: Workspace
) -> None:
    more = make_folder("more", {"x/y": 2, "train/z": 1})
    loose = tmp_path / "loose.jpg"
    loose.write_bytes(as_bytes(picture(900), "JPEG"))
    zipped = pack(tmp_path / "zipped.zip", {"1.png": 901, "deep/er/2.png": 902})
    ingested = bring_in(workspace, [more, loose, zipped], into="pets", label="cow")
    assert ingested.accepted == 6
    assert ingested.version.version == 2
    assert ingested.version.classes == ("cat", "dog", "cow")
    assert ingested.version.counts == {"cat": 20, "dog": 20, "cow": 6}
    summary = read_summary(workspace, "pets")
    assert (summary["parent"], summary["change"]) == (1, "6 pictures added to cow.")
    assert summary["source"] == read_summary(workspace, "pets", 1)["source"]


def test_adding_keeps_old_items_and_versions(
    make_folder: Make, pets: Path, workspace: Workspace
) -> None:
    old = load_version(workspace, "pets")
    more = make_folder("more", {"dog": 3, "bird": 2})
    new = bring_in(workspace, more, into="pets").version
    assert new.items[: len(old.items)] == old.items
    assert new.classes == ("cat", "dog", "bird")
    assert load_version(workspace, "pets", 1) == old
    assert new.about["bytes"] > old.about["bytes"]
    assert read_summary(workspace, "pets")["change"] == "5 pictures added to 2 classes."


def test_known_pictures_are_not_added_again(
    make_folder: Make, pets: Path, workspace: Workspace
) -> None:
    ingested = bring_in(workspace, pets, into="pets")
    assert (ingested.accepted, ingested.version.version) == (0, 1)
    assert ingested.notes == ["40 pictures were in the set already."]
    relabelled = bring_in(workspace, pets / "cat", into="pets", label="dog")
    assert relabelled.accepted == 20  # the same pictures under another label: a contradiction, kept
    more = make_folder("more", {"cat": 1, "dog": 1})
    (more / "cat" / "old.png").write_bytes((pets / "cat" / "000.png").read_bytes())
    ingested = bring_in(workspace, more, into="pets")
    assert ingested.accepted == 2
    assert "1 picture was in the set already." in ingested.notes


def test_one_picture_makes_a_set_of_one_class(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(as_bytes(picture(1)))
    ingested = bring_in(workspace, path, "mine", label="cat")
    assert ingested.version.counts == {"cat": 1}
    with pytest.raises(BadInputError, match="--class"):
        bring_in(workspace, path)


def test_failed_addition_is_an_error_and_makes_no_version(
    tmp_path: Path, pets: Path, workspace: Workspace
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    with pytest.raises(BadInputError, match=r"bad\.jpg: It is not a picture"):
        bring_in(workspace, bad, into="pets", label="cat")
    for into, sentence in (("nothing", "no data set"), ("../pets", "no data set")):
        with pytest.raises(BadInputError, match=sentence):
            bring_in(workspace, pets, into=into)
    for label in ("", "  ", "x" * 101):
        with pytest.raises(BadInputError, match="needs a name"):
            bring_in(workspace, pets, into="pets", label=label)
    assert load_version(workspace, "pets").version == 1


def test_report_lists_added_pictures_only(tmp_path: Path, pets: Path, workspace: Workspace) -> None:
    see_through = picture(5)
    see_through.putalpha(100)
    files = {"a.png": as_bytes(see_through), "b.png": b"no picture"}
    bring_in(workspace, pack(tmp_path / "z.zip", files), into="pets", label="cat")
    report = read_report(workspace, "pets", 2)
    assert [entry["file"] for entry in report["refused"]] == ["b.png"]
    assert report["changed"] == [{"file": "a.png", "change": "transparency laid over white"}]


def test_adding_keeps_test_pictures_in_the_test(
    make_folder: Make, pets: Path, workspace: Workspace
) -> None:
    def tested(version: int) -> set[str]:
        items = load_version(workspace, "pets", version).items
        return {item.hash for item in items if item.split == "test"}

    assert len(tested(1)) == 6
    for n in (1, 2):
        bring_in(workspace, make_folder(f"more{n}", {"cat": 10, "dog": 10}), into="pets")
    assert tested(1) < tested(2) < tested(3)
    assert len(tested(3)) == 12


def test_keep_test_leaves_the_test_unchanged(
    make_folder: Make, pets: Path, workspace: Workspace
) -> None:
    old = load_version(workspace, "pets")
    tested = {item.hash: item for item in old.items if item.split == "test"}
    more = make_folder("more", {"cat": 30, "cow": 10})
    moved = next(iter(tested.values()))  # somebody says that a test picture is a cow
    (more / "cow" / "t.png").write_bytes(picture_path(workspace, moved.hash).read_bytes())
    ingested = bring_in(workspace, more, into="pets", keep_test=True)
    new = load_version(workspace, "pets")
    assert ingested.accepted == 40
    assert {item.hash: item for item in new.items if item.split == "test"} == tested
    assert set(split_indices(new, 0)["test"].tolist()) == {
        n for n, item in enumerate(new.items) if item.hash in tested
    }
    notes = " ".join(ingested.notes)
    assert "1 picture was in the set under another label" in notes
    again = bring_in(workspace, more, into="pets", keep_test=True)
    assert (again.accepted, again.version.version) == (0, 2)
    bring_in(workspace, make_folder("most", {"cat": 5}), into="pets")
    joined = {item.hash for item in load_version(workspace, "pets").items if item.split == "test"}
    assert joined > set(tested)  # what comes otherwise joins it as ever


def test_folder_read_again_names_the_version_with_edits(
    make_folder: Make, pets: Path, workspace: Workspace
) -> None:
    bring_in(workspace, make_folder("more", {"cat": 2}), into="pets", label="cow")
    assert bring_in(workspace, pets, reuse=True).version.classes == ("cat", "dog", "cow")
    (pets / "cat" / "000.png").unlink()
    ingested = bring_in(workspace, pets, reuse=True)
    assert (ingested.version.version, ingested.version.counts) == (3, {"cat": 19, "dog": 20})
    assert "What was changed by hand is in version 2." in ingested.notes
    (pets / "cat" / "001.png").unlink()
    assert not any("by hand" in note for note in bring_in(workspace, pets, reuse=True).notes)


def test_a_bundled_set_can_be_added_to(make_folder: Make, workspace: Workspace) -> None:
    more = make_folder("more", {"rock": 2})
    ingested = bring_in(workspace, more / "rock", into="hands", label="rock")
    assert ingested.version.version == 2
    assert ingested.version.counts["rock"] == 2
    assert len(ingested.version.items) > 300


def test_concurrent_additions_wait_for_each_other(
    make_folder: Make, pets: Path, workspace: Workspace
) -> None:
    folders = [make_folder(f"more{n}", {"cat": 8}) for n in range(4)]
    threads = [
        threading.Thread(
            target=bring_in, args=(workspace, folder), kwargs={"into": "pets", "label": "cat"}
        )
        for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest = load_version(workspace, "pets")
    assert newest.version == 5
    assert newest.counts == {"cat": 52, "dog": 20}


def test_several_files_need_a_class(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(BadInputError, match="--class"):
        bring_in(workspace, [tmp_path / "a.png", tmp_path / "b.png"])
    with pytest.raises(BadInputError, match="No pictures are named"):
        bring_in(workspace, [])
