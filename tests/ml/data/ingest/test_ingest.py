"""Ingest: accepted and refused files, notes, and what a crash leaves."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data.ingest import ingest as ingest_module
from ml.data.ingest import take_in
from ml.data.ingest.ingest import ingest
from ml.data.store import originals
from ml.data.store.versions import dataset_names, load_version, read_picture, read_report
from ml.errors import BadInputError, WorkspaceError
from ml.presets import default_pixels
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture

Make = Callable[..., Path]


def test_each_picture_is_stored_unchanged_under_its_label(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"10": 3, "9": 2})
    version = ingest(workspace, folder, "pets").version
    assert version.classes == ("9", "10")
    assert version.counts == {"9": 2, "10": 3}
    for item in version.items:
        data = (folder / item.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item.hash
        assert read_picture(workspace, item.hash) == data
        assert version.classes[item.label] == item.file.split("/")[0]
    assert load_version(workspace, "pets") == version


def test_the_medians_and_the_colour_are_those_of_the_pictures(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 3, "dog": 2}, width=30, height=10, mode="L")
    make_folder("pets", {"cow": 2}, width=8, height=40, mode="L")
    about = ingest(workspace, folder, "grey").version.about
    size = sum(path.stat().st_size for path in folder.rglob("*.png"))
    assert about == {"width": 30, "height": 10, "colour": False, "bytes": size}
    (folder / "cat" / "red.png").write_bytes(as_bytes(picture(99)))
    assert ingest(workspace, folder, "colour").version.about["colour"]


def test_unreadable_files_are_reported_and_stop_nothing(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2})
    readable = (folder / "cat" / "000.png").read_bytes()
    unreadable = {
        "cat/cut.png": readable[:-30],
        "cat/empty.jpg": b"",
        "dog/LICENSE": b"You may",
        "dog/labels.csv": b"file,label\n",
    }
    for name, data in unreadable.items():
        (folder / name).write_bytes(data)
    ingested = ingest(workspace, folder, "pets")
    assert {entry["file"] for entry in ingested.refused} == set(unreadable)
    assert all(entry["reason"].endswith(".") for entry in ingested.refused)
    assert len(ingested.version.items) == 4
    assert ingested.notes == ["4 files could not be taken in. See which."]
    report = {"refused": ingested.refused, "notes": ingested.notes, "changed": []}
    assert read_report(workspace, "pets", 1) == report


def test_a_file_beyond_the_limit_is_not_read(
    make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2})
    (folder / "cat" / "film.mp4").write_bytes(bytes(5000))
    monkeypatch.setattr("ml.data.sources.walk.MAX_FILE_BYTES", 4000)
    refused = ingest(workspace, folder, "pets").refused
    assert [entry["file"] for entry in refused] == ["cat/film.mp4"]
    assert "larger than" in refused[0]["reason"]


def test_repeated_picture_counts_once_in_each_class(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2})
    shutil.copy(folder / "cat" / "000.png", folder / "cat" / "copy.png")
    shutil.copy(folder / "cat" / "001.png", folder / "dog" / "copy.png")
    ingested = ingest(workspace, folder, "pets")
    assert ingested.version.counts == {"cat": 2, "dog": 3}
    assert any("1 picture came twice in one class" in note for note in ingested.notes)
    assert any("1 picture came under more than one class" in note for note in ingested.notes)
    stored = [path for path in workspace.pictures.rglob("*") if path.is_file()]
    assert len(stored) == 4


def test_picture_in_two_splits_stays_in_both_with_a_note(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {f"{s}/{c}": 3 for s in ("train", "test") for c in ("a", "b")})
    shutil.copy(folder / "train" / "a" / "000.png", folder / "test" / "a" / "leak.png")
    ingested = ingest(workspace, folder, "pets")
    assert [item.split for item in ingested.version.items].count("test") == 7
    assert any("more than one split" in note for note in ingested.notes)


def test_changes_by_decoding_are_noted(make_folder: Make, workspace: Workspace) -> None:
    folder = make_folder("pets", {"cat": 1, "dog": 1})
    see_through = picture(5)
    see_through.putalpha(100)
    (folder / "cat" / "logo.png").write_bytes(as_bytes(see_through))
    ingested = ingest(workspace, folder, "pets")
    notes = {item.file: item.notes for item in ingested.version.items if item.notes}
    assert notes == {"cat/logo.png": ("transparency laid over white",)}
    assert "1 picture: transparency laid over white." in ingested.notes


def test_a_class_without_a_readable_picture_is_left_out(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2, "cow": 0})
    (folder / "cow" / "notes.txt").write_text("moo", encoding="utf-8")
    ingested = ingest(workspace, folder, "pets")
    assert ingested.version.classes == ("cat", "dog")
    assert "The class cow has no picture that can be read, so it was left out." in ingested.notes


@pytest.mark.parametrize(("good", "sentence"), [(1, "only the class cat"), (0, "no class")])
def test_fewer_than_two_classes_with_pictures_are_refused(
    good: int, sentence: str, make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": good, "dog": 0})
    for label in ("cat", "dog"):
        (folder / label / "notes.txt").write_text("none", encoding="utf-8")
    with pytest.raises(BadInputError, match=sentence):
        ingest(workspace, folder, "pets")
    assert dataset_names(workspace) == []


def test_item_order_does_not_depend_on_threads(make_folder: Make, workspace: Workspace) -> None:
    folder = make_folder("pets", {"cat": 70, "dog": 70})
    prints = {ingest(workspace, folder, f"set{n}").version.fingerprint for n in range(3)}
    assert len(prints) == 1


def test_progress_rises_to_one(make_folder: Make, workspace: Workspace) -> None:
    shares: list[float] = []
    ingest(workspace, make_folder("p", {"a": 50, "b": 50}), "p", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 2


@pytest.mark.parametrize("moment", ["write_version", "facts_and_pixels"])
def test_crash_leaves_no_data_set(
    moment: str, make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder("pets", {"cat": 40, "dog": 40})
    calls = []

    def crash(*args: object, **kwargs: object) -> None:
        calls.append(args)
        if moment == "write_version" or len(calls) > 30:
            raise RuntimeError("power cut")
        return None

    module = ingest_module if moment == "write_version" else take_in
    real = getattr(module, moment)
    monkeypatch.setattr(module, moment, lambda *a, **k: (crash(*a, **k), real(*a, **k))[1])
    with pytest.raises(RuntimeError):
        ingest(workspace, folder, "pets", pixels_for=default_pixels)
    monkeypatch.undo()
    assert dataset_names(workspace) == []
    assert len(ingest(workspace, folder, "pets").version.items) == 80


def test_full_disk_is_an_error_in_a_sentence(
    make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    folder = make_folder("pets", {"cat": 2, "dog": 2})
    monkeypatch.setattr(originals, "_create", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        ingest(workspace, folder, "pets")


def test_the_version_file_is_plain_json_with_a_row_a_picture(
    make_folder: Make, workspace: Workspace
) -> None:
    ingest(workspace, make_folder("pets", {"cat": 2, "dog": 1}), "pets")
    path = workspace.datasets / "pets" / "versions" / "1.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["classes"] == ["cat", "dog"]
    assert content["label"] == [0, 0, 1]
    assert content["file"] == ["cat/000.png", "cat/001.png", "dog/000.png"]
