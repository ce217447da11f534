"""A workspace that commit d09fd0d made answers, goes on and is restored as it was then.

Only the command line and the names of files are used here, so that modules may move.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.workspace import Workspace
from tests.fixtures.archive import difference, epochs_of, expected, unpack

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
EXPECTED = expected()
IDS: dict[str, str] = EXPECTED["ids"]
CLOSE = 1e-5
"""Another computer adds the same float32 numbers in another order; a probability moves by 1e-7."""
CLOSE_LOSS = 5e-3
"""Two further epochs enlarge that. A resume without the optimizer's state moves a loss by 0.012."""
Out = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, workspace: Workspace) -> Iterator[Path]:
    """The folder with ``workspace``, which the command line takes, and ``pictures``."""
    unpack(tmp_path)
    yield tmp_path
    # A process offers the plugins of the workspace that it opened last.
    main(["runs", "--json", "--workspace", str(tmp_path / "nothing")])


@pytest.fixture
def ask(root: Path, capsys: Out) -> Any:
    """Runs a command in this process and returns what it prints with ``--json``."""

    def run(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "--json"]) == 0, capsys.readouterr().err
        output = capsys.readouterr().out.replace(f"{root}{os.sep}", "")
        values = [json.loads(line) for line in output.splitlines()]
        return values if words[0] == "predict" else values[-1]

    return run


def run_folder(root: Path, name: str) -> Path:
    return root / "workspace" / "runs" / IDS[name]


def losses(run: Path) -> list[dict[str, Any]]:
    names = ("epoch", "train_loss", "val_loss")
    return [{name: event[name] for name in names} for event in epochs_of(run)]


def went_on_as_then(name: str, answer: Any, run: Path) -> None:
    wanted = EXPECTED["trainings"][name]
    assert not difference(losses(run), wanted["epochs"], CLOSE_LOSS)
    for key in ("run", "status", "epochs"):
        assert answer[key] == wanted["answer"][key]
    accuracy = wanted["answer"]["test"]["accuracy"]
    assert answer["test"]["accuracy"] == pytest.approx(accuracy)


CHANGED_ON_PURPOSE = {"intervals", "interval", "slices", "measure"}
"""Intervals and slices now allow for groups of pictures."""
MEASURED_ANEW = {"learning curve"}
"""Its points are those of the test pictures now: an earlier curve is measured again."""


def comparable(content: Any) -> Any:
    """An answer without what was changed on purpose."""
    if isinstance(content, dict):
        kept = {key: one for key, one in content.items() if key not in CHANGED_ON_PURPOSE}
        return {key: comparable(one) for key, one in kept.items()}
    return [comparable(one) for one in content] if isinstance(content, list) else content


@pytest.mark.parametrize("name", list(EXPECTED["commands"]))
def test_a_command_answers_as_it_did(name: str, root: Path, ask: Any) -> None:
    known = EXPECTED["commands"][name]
    words = [word.format(pictures=root / "pictures") for word in known["words"]]
    answer = ask(*words)
    if name in MEASURED_ANEW:
        assert answer["fingerprint"] == known["answer"]["fingerprint"]
        return
    assert not difference(comparable(answer), comparable(known["answer"]), CLOSE)


def test_a_model_folder_alone_answers_as_it_did(root: Path, ask: Any) -> None:
    known = EXPECTED["commands"]["predict"]["answer"]
    shutil.copytree(run_folder(root, "finished") / "model", root / "elsewhere")
    shutil.rmtree(root / "workspace")
    answer = ask("predict", str(root / "elsewhere"), str(root / "pictures"))
    assert not difference(answer, known, CLOSE)


def test_a_stopped_run_resumes_after_its_second_epoch(root: Path) -> None:
    run = run_folder(root, "stopped")
    assert [event["epoch"] for event in epochs_of(run)] == [1, 2]
    done = subprocess.run(
        [sys.executable, "-m", "ml", "train", "--resume", run.name, "--json"],
        cwd=ROOT,
        env={**os.environ, "LENSMITH_WORKSPACE": str(root / "workspace")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    # Lightning passes over the state of a callback whose class has another name, with a warning.
    assert "callbacks" not in done.stderr
    went_on_as_then("stopped", json.loads(done.stdout.splitlines()[-1]), run)
    started = [
        event
        for event in map(json.loads, (run / "events.jsonl").read_bytes().splitlines())
        if event["event"] == "RunStarted"
    ]
    assert [(event["resumed"], event["epoch"]) for event in started] == [(False, 0), (True, 2)]


def test_an_interrupted_run_resumes_after_its_second_epoch(root: Path, ask: Any) -> None:
    run = run_folder(root, "interrupted")
    assert not (run / "model").exists()
    went_on_as_then("interrupted", ask("train", "--resume", run.name), run)
    assert [event["epoch"] for event in epochs_of(run)] == [1, 2, 3, 4]


def test_a_queued_run_of_a_plugin_is_trained(root: Path, ask: Any) -> None:
    run = run_folder(root, "queued")
    went_on_as_then("queued", ask("train", "--run", run.name), run)


def test_a_head_goes_on_without_computing_features_again(root: Path, ask: Any) -> None:
    run, features = run_folder(root, "frozen"), root / "workspace" / "features"
    before = sorted(features.rglob("*"))
    assert any(path.suffix == ".npy" for path in before)
    went_on_as_then("frozen", ask("train", "--resume", run.name, "--epochs", "10"), run)
    assert sorted(features.rglob("*")) == before


def test_a_stopped_search_goes_on_with_its_second_trial(ask: Any) -> None:
    answer = ask("tune", "--resume", IDS["stopped_search"])
    wanted = EXPECTED["trainings"]["stopped_search"]["answer"]
    assert answer["status"] == wanted["status"]
    for trial, known in zip(answer["trials"], wanted["trials"], strict=True):
        for key in ("number", "values", "state", "epochs"):
            assert trial[key] == known[key]
        assert trial["loss"] == pytest.approx(known["loss"], abs=CLOSE_LOSS)
    runs = [trial["run"] for trial in answer["trials"][:2]]
    assert runs == [trial["run"] for trial in wanted["trials"][:2]]


def test_the_first_version_of_a_data_set_can_be_restored(ask: Any) -> None:
    versions = ask("versions", "noise")
    restored = ask("versions", "noise", "--restore", "1")
    assert (restored["version"], restored["classes"]) == (4, versions[-1]["classes"])
    assert ask("versions", "noise")[1:] == versions
    assert not any(ask("versions", "noise", "--compare", "1", "4").values())
