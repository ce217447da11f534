"""A search: what it tries, what it leaves alone, how it ends, and that a kill loses no trial."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError, MLError
from ml.runs import queue
from ml.runs.events import EpochEnd, RunEnded
from ml.runs.folder import Run, list_runs
from ml.training.train import train
from ml.tuning import search as search_module
from ml.tuning.callbacks import BEHIND
from ml.tuning.pruning import best_of, curve_of
from ml.tuning.sweep import Sweep, claim, trial_run
from ml.workspace import Workspace, open_workspace
from tests.helpers.searches import done, new, noise, told


@dataclass(frozen=True)
class Searched:
    workspace: Workspace
    version: DatasetVersion
    sweep: Sweep
    result: dict[str, Any]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """A search that nobody disturbed. Others may work beside it."""
    workspace = open_workspace(tmp_path_factory.mktemp("searched") / "workspace")
    version = noise(workspace)
    sweep = new(workspace, version)
    return Searched(workspace, version, sweep, done(workspace, sweep))


def test_trials_are_ordinary_runs_that_name_their_search(searched: Searched) -> None:
    trials = searched.sweep.state.trials
    assert [trial.number for trial in trials] == list(range(7))
    base = searched.sweep.base
    for trial in trials:
        run = trial_run(searched.workspace, trial)
        assert run is not None
        assert run.meta["sweep"] == searched.sweep.id
        assert run.meta["trial"] == trial.number
        assert searched.sweep.name in run.name
        assert run.config == base.changed(**trial.values)
        assert run.dataset == searched.sweep.dataset
        assert run.status.name in ("finished", "stopped")
    assert trials[0].values == {name: getattr(base, name) for name in trials[0].values}
    assert len({str(trial.values) for trial in trials}) == 7, "nothing is tried twice"
    assert searched.sweep.status.name == "finished"


def test_a_score_is_what_the_run_itself_measured(searched: Searched) -> None:
    for trial in searched.sweep.state.trials:
        run = trial_run(searched.workspace, trial)
        epochs = [event for event in run.events()[0] if isinstance(event, EpochEnd)]
        best = max(epochs, key=lambda event: (event.val_accuracy, -event.val_loss))
        assert (trial.accuracy, trial.loss) == (best.val_accuracy, best.val_loss)
        ended = [event for event in run.events()[0] if isinstance(event, RunEnded)]
        assert ended[0].validation["accuracy"] == trial.accuracy
        assert ended[0].test == {}, "no trial was tested"
        assert (trial.state == "pruned") == ended[0].reason.startswith(BEHIND)


def test_only_the_best_and_the_base_are_tested(searched: Searched) -> None:
    trials = searched.sweep.state.trials
    best = max(
        (trial for trial in trials if trial.state != "pruned"),
        key=lambda trial: (trial.accuracy, -trial.loss),
    )
    assert searched.result["best"] == best.number
    assert searched.result["run"] == best.run
    for trial in trials:
        run = trial_run(searched.workspace, trial)
        assert (run.report is not None) == (trial.number in (0, best.number))
    found, base = searched.result["test"], Run(searched.workspace.runs / trials[0].run)
    assert found["base"]["accuracy"] == pytest.approx(base.report["accuracy"])
    assert found["pictures"] == base.report["pictures"]
    assert str(found["pictures"]) in searched.result["sentence"]
    assert searched.sweep.result == {
        name: value for name, value in searched.result.items() if name != "status"
    }


def test_test_pictures_decide_nothing(searched: Searched) -> None:
    """With other test pictures the search does the same."""
    record = copy.deepcopy(searched.sweep.dataset)
    kept = record["splits"]["test"][:5]
    record["splits"]["test"], record["counts"]["test"] = kept, 5
    other = new(searched.workspace, searched.version, record=record)
    result = done(searched.workspace, other)
    assert told(other) == told(searched.sweep)
    assert result["best"] == searched.result["best"]
    assert result["test"]["pictures"] == 5


def test_a_search_killed_in_the_middle_of_a_trial_ends_as_the_undisturbed_one(
    searched: Searched,
    tmp_path: Path,
    python: Callable[..., Any],
    until: Callable[..., Any],
) -> None:
    workspace = open_workspace(tmp_path / "killed")
    sweep = new(workspace, noise(workspace))
    code = (
        "import sys; from ml.__main__ import main; "
        "sys.exit(main(['tune', '--resume', sys.argv[1], '--workspace', sys.argv[2]]))"
    )
    child = python(code, sweep.id, workspace.root)

    def is_in_its_third_trial() -> bool:
        assert child.poll() is None, child.communicate()
        trials = sweep.state.trials
        run = trial_run(workspace, trials[2]) if len(trials) == 3 else None
        return run is not None and bool(curve_of(run.events()[0])) and not best_ended(run)

    until(is_in_its_third_trial, 120)
    child.kill()
    child.wait()
    before = told(sweep)
    assert sweep.status.name == "interrupted"
    first = [run.id for run in list_runs(workspace)]
    done(workspace, sweep)
    assert told(sweep)[:2] == before[:2]
    assert told(sweep) == told(searched.sweep)
    assert [run.id for run in list_runs(workspace)][: len(first)] == first
    assert len(list_runs(workspace)) == 7, "no trial is lost, and none is begun twice"


def best_ended(run: Run) -> bool:
    return any(isinstance(event, RunEnded) for event in run.events()[0])


def test_a_kill_between_run_and_list_takes_the_run_up_again(searched: Searched) -> None:
    """The list names a trial before its run is made, and its run after that."""
    sweep = new(searched.workspace, searched.version, trials=1)
    real = sweep.save

    class Killed(BaseException):
        pass

    work = search_module.Search(searched.workspace, sweep)

    def save(state: Any) -> None:
        if state.trials and state.trials[-1].run:
            raise Killed
        real(state)

    object.__setattr__(work.sweep, "save", save)
    count = len(list_runs(searched.workspace))
    work.state.trials.append(work._next())
    work._save()
    with pytest.raises(Killed):
        work._work(work.state.trials[-1])
    assert len(list_runs(searched.workspace)) == count + 1
    done(searched.workspace, Sweep(sweep.folder))
    assert len(list_runs(searched.workspace)) == count + 1
    assert told(Sweep(sweep.folder)) == told(searched.sweep)[:1]


def test_a_stop_is_honoured_and_a_resumed_search_goes_on(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = new(searched.workspace, searched.version, trials=3)
    real = search_module.train

    def stopping(workspace, run, **how):
        if run.meta["trial"] == 1 and not how.get("finish", True) and not stopped:
            stopped.append(run.id)
            sweep.ask_to_stop()
        return real(workspace, run, **how)

    stopped: list[str] = []
    monkeypatch.setattr(search_module, "train", stopping)
    monkeypatch.setattr("ml.tuning.callbacks.ASK_SECONDS", 0.0)
    result = done(searched.workspace, sweep)
    assert result["status"] == sweep.status.name == "stopped"
    assert result["best"] == 0, "the trial that was stopped is not over"
    assert [trial.state for trial in sweep.state.trials] == ["done", "running"]
    assert done(searched.workspace, sweep)["status"] == "finished"
    assert told(sweep) == told(searched.sweep)[:3]


def test_the_time_ends_a_search_within_its_trial(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.tuning.callbacks.ASK_SECONDS", 0.0)
    sweep = new(searched.workspace, searched.version, seconds=3.0, settings={"epochs": 400})
    done(searched.workspace, sweep)
    (trial,) = sweep.state.trials
    assert trial.state == "cut"
    assert 0 < trial.epochs < 400
    assert trial.score is not None
    run = trial_run(searched.workspace, trial)
    assert run.report is not None, "what it had by then is tested"


def test_a_finished_run_is_the_first_trial_of_its_own_search(searched: Searched) -> None:
    base = trial_run(searched.workspace, searched.sweep.state.trials[0])
    log = (base.folder / "events.jsonl").read_bytes()
    sweep = new(searched.workspace, searched.version, run=base.id, trials=2)
    result = done(searched.workspace, sweep)
    assert sweep.state.trials[0].run == base.id
    assert (base.folder / "events.jsonl").read_bytes() == log, "it is not trained again"
    assert told(sweep) == told(searched.sweep)[:2]
    other = trial_run(searched.workspace, sweep.state.trials[1])
    assert other.meta["parent"] == base.id
    assert result["base"] == base.id


def test_settings_that_do_not_train_are_told(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = new(searched.workspace, searched.version, settings={"device": "mps"})
    with pytest.raises(MLError, match=r"do not train\..*(mps|MPS)"):
        done(searched.workspace, sweep)
    assert sweep.status.name == "failed"
    assert "do not train" in sweep.status.reason


def test_two_workers_do_not_search_at_once(searched: Searched) -> None:
    sweep = new(searched.workspace, searched.version)
    claim(sweep)
    with pytest.raises(BadInputError, match="under way already"):
        claim(sweep)


def test_a_trial_that_was_not_chosen_can_be_tested_later(searched: Searched) -> None:
    chosen = {0, searched.result["best"]}
    trial = next(
        one
        for one in searched.sweep.state.trials
        if one.number not in chosen and one.state == "done"
    )
    run = trial_run(searched.workspace, trial)
    queue.claim(run, resume=True)
    ended = train(searched.workspace, run)
    assert ended.outcome == "finished"
    assert run.model is not None
    assert best_of(curve_of(run.events()[0])).accuracy == trial.accuracy
    assert ended.validation["accuracy"] == pytest.approx(trial.accuracy)
