"""Tune without a browser: what it starts, what it shows of a search, and where it leads."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from dashboard.workers import searches
from ml import presets
from ml.config import TrainConfig
from ml.data import catalog
from ml.runs import folder as runs
from ml.runs.folder import Run
from ml.tuning.new_search import new_sweep
from ml.tuning.search_space import default_fields
from ml.tuning.sweep import Sweep, SweepState, Trial, list_sweeps
from ml.utils.files import write_json
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words


class Child:
    """A child that is at its imports until it ends."""

    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[list[str], Child]]]:
    """What would have been started, and with which child."""
    started: list[tuple[list[str], Child]] = []

    def spawn(command: list[str], log: Any) -> Child:
        started.append((command, Child()))
        return started[-1][1]

    monkeypatch.setattr(searches, "spawn", spawn)
    yield started
    searches._children.clear()


def searched(workspace: Workspace, *, difference: float = 0.1, best_run: str = "") -> Sweep:
    """A search that is over: trial 1 was best on validation. ``kept``: the run of trial 1."""
    version = made_up_runs.dataset(workspace)
    run = made_up_runs.finished(workspace, version)
    sweep = new_sweep(
        workspace, run.settings, run.dataset, fields=("learning_rate", "schedule"), run=run.id
    )
    values = {"learning_rate": run.config.learning_rate, "schedule": run.config.schedule}
    trials = [
        Trial(0, values, run.id, "done", 0.6, 0.6, 1.0, 3, 5.0),
        Trial(1, values | {"learning_rate": 0.005}, best_run, "done", 0.8, 0.8, 0.5, 3, 5.0),
        Trial(2, values | {"schedule": "constant"}, "", "pruned", 0.3, 0.3, 2.0, 1, 2.0, "Behind."),
    ]
    sweep.save(SweepState(trials, 12.0))
    test = {"difference": difference, "interval": [difference - 0.05, difference + 0.05]}
    result = {"trials": 3, "best": 1, "run": run.id, "base": run.id, "test": test}
    shares = {"learning_rate": 0.7, "schedule": 0.3}
    verdict = {"importances": shares, "sentence": "What came of it, with its interval."}
    write_json(sweep.folder / "result.json", result | verdict)
    worker = {"pid": 2**22 + 1, "started": 1.0, "host": "another", "claimed": 1.0}
    write_json(sweep.folder / "worker.json", worker)
    write_json(sweep.folder / "ended.json", {"claimed": 1.0, "outcome": "finished", "reason": ""})
    return sweep


def shown(sweep: Sweep) -> AppTest:
    """The page with the search in the address."""
    at = visit("tune")
    stored_in(at.session_state, Selection).sweep = sweep.id
    at.run()
    assert not at.exception
    return at


def test_the_form_starts_what_it_says_and_a_child_works_on_it(workspace, children) -> None:
    made_up_runs.dataset(workspace)
    at = visit("tune", data="made")
    assert [one.label for one in at.button if one.proto.type == "primary"] == ["Start the search"]
    at.button(key="tune-start").click().run()
    assert not at.exception
    (sweep,) = list_sweeps(workspace)
    info = catalog.describe(workspace, "made")
    assert sweep.base == presets.configuration("made", info)
    assert [axis.name for axis in sweep.axes] == default_fields(sweep.base)
    assert (sweep.request["seconds"], sweep.request["trials"]) == (600.0, 0)
    ((command, _),) = children
    assert command[:3] == ["tune", "--resume", sweep.id]
    assert "Starting" in words(at)


def test_one_button_on_a_finished_run_searches_from_it(workspace, children) -> None:
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    at = visit("train", run.id)
    at.button(key="make-better").click().run()
    assert not at.exception
    (sweep,) = list_sweeps(workspace)
    assert sweep.request["run"] == run.id
    assert sweep.dataset == run.dataset
    assert sweep.base == run.config
    assert at.title[0].value == "Tune"
    assert len(children) == 1


def test_a_child_that_fails_before_it_begins_is_told_of(workspace, children) -> None:
    sweep = searched(workspace)
    searches.start(workspace, sweep)
    assert searches.status(sweep).name == "starting"
    (sweep.folder / "log.txt").write_text("The disk is full.\n")
    children[0][1].returncode = 1
    at = shown(sweep)
    assert "The disk is full." in words(at)
    at.button(key="tune-resume").click().run()
    assert len(children) == 2


def test_the_result_stands_first_with_what_it_changed_and_every_trial(workspace, children) -> None:
    at = shown(searched(workspace))
    text = words(at)
    assert "What came of it, with its interval." in text
    assert "Trial 1 has learning rate 0.005 instead of 0.001." in text
    assert "Learning rate mattered most in 3 trials" in text
    for expected in ("60.0 %", "80.0 %", "30.0 %", "ended early"):
        assert expected in text
    assert at.button(key="tune-winner").proto.type == "primary"


def test_an_interrupted_search_says_what_it_does_and_what_broke_off(workspace, children) -> None:
    sweep = searched(workspace)
    trials = sweep.state.trials
    sweep.save(SweepState([*trials, Trial(3, trials[0].values, "", "running")], 12.0))
    for name in ("ended.json", "result.json"):
        (sweep.folder / name).unlink()
    gone = {"pid": 2**22 + 1, "started": 1.0, "host": platform.node(), "claimed": 1.0}
    write_json(sweep.folder / "worker.json", gone)
    text = words(shown(sweep))
    assert "Interrupted" in text
    assert "with other values of learning rate, schedule, for at most 10 min." in text
    assert "broken off" in text
    assert "under way" not in text


@pytest.mark.parametrize("difference", [-0.02, 0.02])  # the second may be chance
def test_where_the_winner_is_not_better_the_start_is_what_one_is_led_to(
    workspace, children, difference: float
) -> None:
    at = shown(searched(workspace, difference=difference))
    assert at.button(key="tune-base").proto.type == "primary"
    assert at.button(key="tune-winner").label == "Open the best on validation"


def test_an_untested_trial_offers_its_test_and_no_new_training(workspace, children) -> None:
    version = made_up_runs.dataset(workspace)
    sweep = new_sweep(workspace, TrainConfig(dataset="made"), {"name": "made"})
    run = made_up_runs.finished(workspace, version)
    (run.folder / "report.json").unlink()
    (run.folder / "model" / "model.json").unlink()
    run.update_meta(sweep=sweep.id, trial=3)
    at = visit("evaluate", run.id)
    assert "This trial was not tested" in words(at)
    assert "Train it again" not in words(at)
    at = visit("train", run.id)
    labels = [one.label for one in at.main.button]
    assert "Test it" in labels
    assert "Retry with the same settings" not in labels
    assert not [label for label in labels if "better" in label or "more epoch" in label]
    at.button(key="resume").click().run()
    assert Run(run.folder).status.name == "queued"
    assert len(runs.list_runs(workspace)) == 1


def test_searches_are_listed_and_a_damaged_one_says_so(workspace: Workspace, children) -> None:
    sweep = searched(workspace)
    broken = workspace.sweeps / "broken"
    broken.mkdir()
    (broken / "sweep.json").write_text("{")
    at = visit("tune")
    assert "broken is damaged" in words(at)
    at.button(key=f"open-sweep-{sweep.id}").click().run()
    assert "What came of it" in words(at)


def test_the_last_words_of_a_real_child_say_why_it_could_not_begin(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = searched(workspace)

    def spawn(command: list[str], log: Any) -> "subprocess.Popen[bytes]":
        script = "import sys; sys.exit('A sentence that tells why.')"
        return subprocess.Popen([sys.executable, "-c", script], stderr=log)

    monkeypatch.setattr(searches, "spawn", spawn)
    searches.start(workspace, sweep)
    searches._children()[sweep.folder].process.wait(30)
    status = searches.status(sweep)
    assert status.name == "failed"
    assert "A sentence that tells why." in status.reason
    searches._children.clear()
