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
from ml.tuning.callbacks import REASON_PRUNED
from ml.tuning.pruning import best_point, validation_curve
from ml.tuning.sweep import Sweep, claim, trial_run
from ml.workspace import Workspace, open_workspace
from tests.helpers.searches import new_sweep, noise_dataset, outcomes, search_to_the_end


@dataclass(frozen=True)
class FinishedSearch:
    workspace: Workspace
    version: DatasetVersion
    sweep: Sweep
    result: dict[str, Any]


@pytest.fixture(scope="module")
def finished_search(tmp_path_factory: pytest.TempPathFactory) -> FinishedSearch:
    """A search that nobody disturbed. Others may work beside it."""
    workspace = open_workspace(tmp_path_factory.mktemp("searched") / "workspace")
    version = noise_dataset(workspace)
    sweep = new_sweep(workspace, version)
    return FinishedSearch(workspace, version, sweep, search_to_the_end(workspace, sweep))


def test_trials_are_runs_that_name_their_search(finished_search: FinishedSearch) -> None:
    trials = finished_search.sweep.state.trials
    assert [trial.number for trial in trials] == list(range(7))
    base = finished_search.sweep.base
    for trial in trials:
        run = trial_run(finished_search.workspace, trial)
        assert run is not None
        assert run.meta["sweep"] == finished_search.sweep.id
        assert run.meta["trial"] == trial.number
        assert finished_search.sweep.name in run.name
        assert run.config == base.changed(**trial.values)
        assert run.dataset == finished_search.sweep.dataset
        assert run.status.name in ("finished", "stopped")
    assert trials[0].values == {name: getattr(base, name) for name in trials[0].values}
    assert len({str(trial.values) for trial in trials}) == 7, "nothing is tried twice"
    assert finished_search.sweep.status.name == "finished"


def test_a_trial_s_score_comes_from_its_run_s_events(finished_search: FinishedSearch) -> None:
    for trial in finished_search.sweep.state.trials:
        run = trial_run(finished_search.workspace, trial)
        epochs = [event for event in run.events()[0] if isinstance(event, EpochEnd)]
        best = max(epochs, key=lambda event: (event.val_accuracy, -event.val_loss))
        assert (trial.accuracy, trial.loss) == (best.val_accuracy, best.val_loss)
        ended = [event for event in run.events()[0] if isinstance(event, RunEnded)]
        assert ended[0].validation["accuracy"] == trial.accuracy
        assert ended[0].test == {}, "no trial was tested"
        assert (trial.state == "pruned") == ended[0].reason.startswith(REASON_PRUNED)


def test_only_the_best_and_the_base_are_tested(finished_search: FinishedSearch) -> None:
    trials = finished_search.sweep.state.trials
    best = max(
        (trial for trial in trials if trial.state != "pruned"),
        key=lambda trial: (trial.accuracy, -trial.loss),
    )
    assert finished_search.result["best"] == best.number
    assert finished_search.result["run"] == best.run
    for trial in trials:
        run = trial_run(finished_search.workspace, trial)
        assert (run.report is not None) == (trial.number in (0, best.number))
    tested, base = (
        finished_search.result["test"],
        Run(finished_search.workspace.runs / trials[0].run),
    )
    assert tested["base"]["accuracy"] == pytest.approx(base.report["accuracy"])
    assert tested["pictures"] == base.report["pictures"]
    assert str(tested["pictures"]) in finished_search.result["sentence"]
    assert finished_search.sweep.result == {
        name: value for name, value in finished_search.result.items() if name != "status"
    }


def test_test_pictures_decide_nothing(finished_search: FinishedSearch) -> None:
    """With other test pictures the search does the same."""
    record = copy.deepcopy(finished_search.sweep.dataset)
    test_rows = record["splits"]["test"][:5]
    record["splits"]["test"], record["counts"]["test"] = test_rows, 5
    other_sweep = new_sweep(finished_search.workspace, finished_search.version, record=record)
    result = search_to_the_end(finished_search.workspace, other_sweep)
    assert outcomes(other_sweep) == outcomes(finished_search.sweep)
    assert result["best"] == finished_search.result["best"]
    assert result["test"]["pictures"] == 5


def test_a_search_killed_within_a_trial_resumes_to_the_same_result(
    finished_search: FinishedSearch,
    tmp_path: Path,
    python: Callable[..., Any],
    until: Callable[..., Any],
) -> None:
    workspace = open_workspace(tmp_path / "killed")
    sweep = new_sweep(workspace, noise_dataset(workspace))
    code = (
        "import sys; from ml.__main__ import main; "
        "sys.exit(main(['tune', '--resume', sys.argv[1], '--workspace', sys.argv[2]]))"
    )
    child = python(code, sweep.id, workspace.root)

    def is_in_its_third_trial() -> bool:
        assert child.poll() is None, child.communicate()
        trials = sweep.state.trials
        run = trial_run(workspace, trials[2]) if len(trials) == 3 else None
        return run is not None and bool(validation_curve(run.events()[0])) and not best_ended(run)

    until(is_in_its_third_trial, 120)
    child.kill()
    child.wait()
    before = outcomes(sweep)
    assert sweep.status.name == "interrupted"
    first = [run.id for run in list_runs(workspace)]
    search_to_the_end(workspace, sweep)
    assert outcomes(sweep)[:2] == before[:2]
    assert outcomes(sweep) == outcomes(finished_search.sweep)
    assert [run.id for run in list_runs(workspace)][: len(first)] == first
    assert len(list_runs(workspace)) == 7, "no trial is lost, and none is begun twice"


def best_ended(run: Run) -> bool:
    return any(isinstance(event, RunEnded) for event in run.events()[0])


def test_a_run_created_before_a_kill_is_taken_up_again(finished_search: FinishedSearch) -> None:
    """The list names a trial before its run is made, and its run after that."""
    sweep = new_sweep(finished_search.workspace, finished_search.version, trials=1)
    real = sweep.save

    class Killed(BaseException):
        pass

    work = search_module.Search(finished_search.workspace, sweep)

    def save(state: Any) -> None:
        if state.trials and state.trials[-1].run:
            raise Killed
        real(state)

    object.__setattr__(work.sweep, "save", save)
    count = len(list_runs(finished_search.workspace))
    work.state.trials.append(work._next_trial())
    work._save()
    with pytest.raises(Killed):
        work._run_trial(work.state.trials[-1])
    assert len(list_runs(finished_search.workspace)) == count + 1
    search_to_the_end(finished_search.workspace, Sweep(sweep.folder))
    assert len(list_runs(finished_search.workspace)) == count + 1
    assert outcomes(Sweep(sweep.folder)) == outcomes(finished_search.sweep)[:1]


def test_a_search_stops_on_request_and_resumes(
    finished_search: FinishedSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = new_sweep(finished_search.workspace, finished_search.version, trials=3)
    real = search_module.train

    def stopping(workspace, run, **how):
        if run.meta["trial"] == 1 and not how.get("finish", True) and not stopped:
            stopped.append(run.id)
            sweep.ask_to_stop()
        return real(workspace, run, **how)

    stopped: list[str] = []
    monkeypatch.setattr(search_module, "train", stopping)
    monkeypatch.setattr("ml.tuning.callbacks.CHECK_SECONDS", 0.0)
    result = search_to_the_end(finished_search.workspace, sweep)
    assert result["status"] == sweep.status.name == "stopped"
    assert result["best"] == 0, "the trial that was stopped is not over"
    assert [trial.state for trial in sweep.state.trials] == ["done", "running"]
    assert search_to_the_end(finished_search.workspace, sweep)["status"] == "finished"
    assert outcomes(sweep) == outcomes(finished_search.sweep)[:3]


def test_the_time_limit_ends_a_search_within_a_trial(
    finished_search: FinishedSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.tuning.callbacks.CHECK_SECONDS", 0.0)
    sweep = new_sweep(
        finished_search.workspace, finished_search.version, seconds=3.0, settings={"epochs": 400}
    )
    search_to_the_end(finished_search.workspace, sweep)
    (trial,) = sweep.state.trials
    assert trial.state == "cut"
    assert 0 < trial.epochs < 400
    assert trial.score is not None
    run = trial_run(finished_search.workspace, trial)
    assert run.report is not None, "what it had by then is tested"


def test_a_finished_run_is_trial_0_of_its_own_search(finished_search: FinishedSearch) -> None:
    base = trial_run(finished_search.workspace, finished_search.sweep.state.trials[0])
    log = (base.folder / "events.jsonl").read_bytes()
    sweep = new_sweep(finished_search.workspace, finished_search.version, run=base.id, trials=2)
    result = search_to_the_end(finished_search.workspace, sweep)
    assert sweep.state.trials[0].run == base.id
    assert (base.folder / "events.jsonl").read_bytes() == log, "it is not trained again"
    assert outcomes(sweep) == outcomes(finished_search.sweep)[:2]
    next_run = trial_run(finished_search.workspace, sweep.state.trials[1])
    assert next_run.meta["parent"] == base.id
    assert result["base"] == base.id


def test_base_settings_that_do_not_train_fail_the_search(
    finished_search: FinishedSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = new_sweep(
        finished_search.workspace, finished_search.version, settings={"device": "mps"}
    )
    with pytest.raises(MLError, match=r"do not train\..*(mps|MPS)"):
        search_to_the_end(finished_search.workspace, sweep)
    assert sweep.status.name == "failed"
    assert "do not train" in sweep.status.reason


def test_two_workers_cannot_claim_one_search(finished_search: FinishedSearch) -> None:
    sweep = new_sweep(finished_search.workspace, finished_search.version)
    claim(sweep)
    with pytest.raises(BadInputError, match="under way already"):
        claim(sweep)


def test_a_trial_that_was_not_chosen_can_be_tested_later(finished_search: FinishedSearch) -> None:
    chosen = {0, finished_search.result["best"]}
    trial = next(
        one
        for one in finished_search.sweep.state.trials
        if one.number not in chosen and one.state == "done"
    )
    run = trial_run(finished_search.workspace, trial)
    queue.claim(run, resume=True)
    ended = train(finished_search.workspace, run)
    assert ended.outcome == "finished"
    assert run.model is not None
    assert best_point(validation_curve(run.events()[0])).accuracy == trial.accuracy
    assert ended.validation["accuracy"] == pytest.approx(trial.accuracy)
