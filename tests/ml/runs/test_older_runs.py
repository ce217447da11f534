"""A run stays what it is, whatever becomes of its data set afterwards."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.data.edits.edits import commit, restore
from ml.data.ingest.orphans import remove_orphans
from ml.data.store.versions import latest, load_version, picture_path
from ml.runs.folder import Run, find
from ml.workspace import Workspace
from tests.helpers.trained import CLASSES, picture

SETTINGS = (
    "epochs=2", "image_size=16", "batch_size=8", "threads=1", "precision=32", "device=cpu",
    "feature_views=1", "folds=2",
)  # fmt: skip
Out = pytest.CaptureFixture[str]


@pytest.fixture
def run(tmp_path: Path, workspace: Workspace, capsys: Out) -> Run:
    """A short real run, from the shell, on pictures that were brought in."""
    folder = tmp_path / "noise"
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for n in range(24):
            (folder / name / f"{label}-{n}.png").write_bytes(picture(label, n))
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    arguments = ["train", "--dataset", str(folder), "--model", "small_cnn", *settings, "--json"]
    assert main(arguments) == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])
    return find(workspace, made["run"])


def test_a_run_names_its_version_and_the_pictures_of_each_split(
    run: Run, workspace: Workspace
) -> None:
    record, version = run.dataset, load_version(workspace, "noise")
    assert (record["name"], record["version"]) == ("noise", 1)
    assert record["fingerprint"] == version.fingerprint
    everything = [n for side in ("train", "val", "test") for n in record["splits"][side]]
    assert sorted(everything) == list(range(len(version.items)))
    assert record["splits"]["test"] == [
        n for n, item in enumerate(version.items) if item.split == "test"
    ]


Change = Callable[[Run, Workspace], Any]


def _edit(run: Run, workspace: Workspace) -> None:
    edits = [
        {"do": "relabel", "items": list(range(0, 72, 5)), "label": "red"},
        {"do": "exclude", "items": [1, 2, 3]},
        {"do": "rename_class", "old": "blue", "new": "bleu"},
        {"do": "draw_test", "seed": 9},
    ]
    commit(workspace, "noise", edits, base=1)


def _delete(run: Run, workspace: Workspace) -> None:
    tested = run.dataset["splits"]["test"]
    commit(workspace, "noise", [{"do": "delete", "items": tested}], base=1)
    commit(workspace, "noise", [{"do": "remove_class", "name": "red"}], base=2)
    count = len(load_version(workspace, "noise").items)
    commit(workspace, "noise", [{"do": "delete", "items": list(range(count))}], base=3)


def _restore(run: Run, workspace: Workspace) -> None:
    _edit(run, workspace)
    restore(workspace, "noise", 1)
    restore(workspace, "noise", 2)


def _train_on_another(run: Run, workspace: Workspace) -> None:
    """Pixels are prepared for the pictures that are asked for."""
    _edit(run, workspace)
    assert main(["evaluate", run.id, "--dataset", "noise"]) == 0


def _bring_in_others(run: Run, workspace: Workspace) -> None:
    """What no version names is swept then; what an older one names is not."""
    _delete(run, workspace)
    long_ago = time.time() - 10**6
    for path in workspace.pictures.rglob("*"):
        if path.is_file():
            os.utime(path, (long_ago, long_ago))
    folder = workspace.root.parent / "others"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for n in range(3):
            (folder / name / f"{n}.png").write_bytes(picture(1, 900 + n + 10 * (name == "b")))
    assert main(["ingest", str(folder)]) == 0
    remove_orphans(workspace)


def _without_caches(run: Run, workspace: Workspace) -> None:
    _delete(run, workspace)
    shutil.rmtree(workspace.datasets / "noise" / "cache")


@pytest.mark.parametrize(
    "change", [_edit, _delete, _restore, _train_on_another, _bring_in_others, _without_caches]
)
def test_an_older_run_is_evaluated_as_ever(
    change: Change, run: Run, workspace: Workspace, capsys: Out
) -> None:
    before = run.report
    assert before is not None
    assert before["folds"]["count"] == 2
    change(run, workspace)
    capsys.readouterr()
    assert main(["evaluate", run.id, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {**report, "seconds": 0} == {**before, "seconds": 0}
    for digest in {item.hash for item in load_version(workspace, "noise", 1).items}:
        assert picture_path(workspace, digest).exists()


def test_the_newest_version_is_another_set_to_an_older_run(
    run: Run, workspace: Workspace, capsys: Out
) -> None:
    commit(workspace, "noise", [{"do": "exclude", "items": [0, 1]}], base=1)
    capsys.readouterr()
    assert main(["evaluate", run.id, "--dataset", "noise", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["split"] == "all"
    assert report["pictures"] == 70
    assert "were used to train" in report["notes"][0]["text"]
    assert "folds" not in report
    restore(workspace, "noise", 1)
    assert main(["evaluate", run.id, "--dataset", "noise", "--json"]) == 0
    own = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert own["accuracy"] == run.report["accuracy"], "the same pictures under another number"


def test_pictures_of_one_class_alone_can_be_evaluated(
    run: Run, workspace: Workspace, capsys: Out, tmp_path: Path
) -> None:
    for n in range(5):
        (tmp_path / "shots").mkdir(exist_ok=True)
        (tmp_path / "shots" / f"{n}.png").write_bytes(picture(1, 700 + n))
    assert main(["edit", "shots", "--create"]) == 0
    assert main(["ingest", str(tmp_path / "shots"), "--into", "shots", "--class", "red"]) == 0
    capsys.readouterr()
    assert main(["evaluate", run.id, "--dataset", "shots", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["pictures"] == 5


def test_an_interrupted_or_finished_run_resumes_on_its_own_version(
    run: Run, workspace: Workspace, capsys: Out
) -> None:
    _delete(run, workspace)
    assert latest(workspace, "noise") == 4
    assert main(["train", "--resume", run.id, "--epochs", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["status"], result["epochs"]) == ("finished", 3)
