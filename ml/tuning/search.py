"""The hyperparameter search: train trials one after another in one process until time is over.

A trial is a run that is neither tested nor exported. It is written to ``trials.json`` before it
starts, and the next trial is a function of that file, so a killed search resumes with the trial
that it was training. At the end the best trial and the base are tested; the test decides nothing.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from ml.errors import MLError, StoppedError
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import RunEnded
from ml.runs.folder import Run, list_runs
from ml.training.train import train
from ml.tuning import comparison, pruning
from ml.tuning import sweep as sweep_folder
from ml.tuning.callbacks import (
    REASON_PRUNED,
    REASON_STOPPED,
    REASON_TIME_OVER,
    NoMoreSteps,
    WatchTrial,
)
from ml.tuning.sampler import Observation, importances, suggest_values
from ml.tuning.sweep import Sweep, Trial, trial_run
from ml.utils.files import write_json
from ml.workspace import Workspace

TEST_SHARE, MAX_TEST_SECONDS = 0.1, 60.0
"""The share of the time that is reserved for the test at the end, and its limit in seconds."""
MAX_DRAWS = 10
"""After so many draws of settings that were tried already, the search ends."""
MAX_FAILURES_IN_A_ROW = 5
"""So many failed trials in a row end the search."""


class Search:
    """A worker's search. ``progress`` is called with the share that is done, 0 to 1."""

    def __init__(
        self, workspace: Workspace, sweep: Sweep, progress: Callable[[float], None] | None = None
    ) -> None:
        self.workspace, self.sweep = workspace, sweep
        self.progress = progress or (lambda share: None)
        self.request, self.base, self.axes = sweep.request, sweep.base, sweep.axes
        self.record = sweep.dataset
        self.state = sweep.state
        self._seconds_before, self._start = self.state.spent, time.monotonic()

    def run(self) -> dict[str, Any]:
        """Search to the end and return the result, which is also written to ``result.json``."""
        claimed = sweep_folder.claim(self.sweep)
        outcome, reason = "failed", ""
        try:
            stopped = self._run_trials()
            result = self._conclude()
            outcome, reason = ("stopped", "Stopped as you asked.") if stopped else ("finished", "")
            return {**result, "status": outcome}
        except StoppedError as error:
            outcome, reason = "stopped", str(error)
            raise
        except MLError as error:
            reason = str(error)
            raise
        except Exception as error:
            reason = f"Something unforeseen went wrong ({error}). See the log."
            raise
        finally:
            self._save()
            ending = {"claimed": claimed, "outcome": outcome, "reason": reason}
            write_json(self.sweep.folder / "ended.json", ending)

    def _run_trials(self) -> bool:
        """Train trials until none is left; True where a stop was requested."""
        while not self._is_stop_requested():
            if not self.state.trials or self.state.trials[-1].state in sweep_folder.FINAL_STATES:
                trial = self._next_trial()
                if trial is None:
                    return False
                self.state.trials.append(trial)
                self._save()
            self._run_trial(self.state.trials[-1])
            self._save()
            first = self.state.trials[0]
            if first.state == "failed":
                raise MLError(f"The settings to start from do not train. {first.reason}")
        return True

    def _next_trial(self) -> Trial | None:
        """The next trial; None where the time, the trials or the new settings are used up."""
        ended, number = self.state.ended, len(self.state.trials)
        if number == 0:
            values = {axis.name: getattr(self.base, axis.name) for axis in self.axes}
            return Trial(0, values, run=str(self.request["run"]))
        limit = int(self.request["trials"])
        median_seconds = statistics.median([trial.seconds for trial in ended[1:]] or [0.0])
        last_states = [trial.state for trial in ended[-MAX_FAILURES_IN_A_ROW:]]
        if (limit and number >= limit) or self._seconds_left() < max(0.5 * median_seconds, 0.001):
            return None
        if len(last_states) == MAX_FAILURES_IN_A_ROW and set(last_states) == {"failed"}:
            return None
        observations = self._observations()
        for attempt in range(MAX_DRAWS):
            seed = int(self.request["seed"]) + 7919 * attempt
            values = suggest_values(self.axes, observations, number, seed)
            if values not in [observation.values for observation in observations]:
                return Trial(number, values)
        return None

    def _observations(self) -> list[Observation]:
        return [
            Observation(trial.values, trial.score, trial.state != "pruned")
            for trial in self.state.ended
        ]

    def _run_trial(self, trial: Trial) -> None:
        """Train a trial, or resume it, and record its outcome."""
        start = time.monotonic()
        run = self._run_of(trial)
        run_ended = _final_event(run)
        # A run that was stopped by hand before this worker started was stopped with the search.
        if run_ended is None or self._state_of(run_ended, state_if_stopped="running") == "running":
            if run.status.name != "running":
                queue.claim(run, resume=True)
            curves = [
                pruning.validation_curve(other.events()[0]) for other in self._finished_runs(trial)
            ]
            curve = pruning.validation_curve(run.events()[0])
            watch_trial = WatchTrial(
                finished_curves=curves,
                curve=curve,
                pictures=self._validation_pictures,
                seconds_left=self._seconds_left,
                stop_file=self.sweep.folder / "stop",
                save_progress=self._save,
            )
            run_ended = train(self.workspace, run, callbacks=[watch_trial], finish=False)
        trial.seconds += time.monotonic() - start
        self._record_outcome(trial, run, run_ended)

    def _run_of(self, trial: Trial) -> Run:
        """The run of a trial: its own, one that a killed worker left, or a new one."""
        existing = trial_run(self.workspace, trial)
        if existing is None:
            orphans = (
                candidate
                for candidate in reversed(list_runs(self.workspace))
                if self._belongs_to(candidate, trial)
            )
            existing = next(orphans, None)
        if existing is None:
            existing = runs.create(
                self.workspace,
                self.base.changed(**trial.values),
                self.record,
                name=f"Trial {trial.number} of {self.request['name']}",
                parent=str(self.request["run"]) or None,
                claimed=True,
                sweep=self.sweep.id,
                trial=trial.number,
            )
        trial.run = existing.id
        self._save()
        return existing

    def _belongs_to(self, run: Run, trial: Trial) -> bool:
        meta = run.meta
        return meta.get("sweep") == self.sweep.id and meta.get("trial") == trial.number

    def _finished_runs(self, trial: Trial) -> list[Run]:
        """The runs of the other finished trials, without those that were deleted."""
        finished = [
            other for other in self.state.ended if other.state == "done" and other is not trial
        ]
        trial_runs = (trial_run(self.workspace, other) for other in finished)
        return [run for run in trial_runs if run is not None]

    def _record_outcome(self, trial: Trial, run: Run, run_ended: RunEnded) -> None:
        curve = pruning.validation_curve(run.events()[0])
        best = pruning.best_point(curve)
        trial.state = self._state_of(run_ended)
        trial.reason, trial.epochs = run_ended.reason, run_ended.epochs
        if best is not None and trial.state != "failed":
            trial.accuracy, trial.loss = best.accuracy, best.loss
            trial.score = pruning.score(best, self._validation_pictures)
        if trial.state == "cut" and best is None:
            trial.state = "failed"

    def _state_of(self, run_ended: RunEnded, state_if_stopped: str = "cut") -> str:
        """The state of a trial by the last event of its run; ``running`` where it will resume."""
        if run_ended.outcome != "stopped":
            return "done" if run_ended.outcome == "finished" else "failed"
        if run_ended.reason.startswith(REASON_PRUNED):
            return "pruned"
        if run_ended.reason.startswith(REASON_TIME_OVER):
            return "cut"
        if run_ended.reason.startswith(REASON_STOPPED) or self._is_stop_requested():
            return "running"
        return state_if_stopped

    def _conclude(self) -> dict[str, Any]:
        """Test the best trial and the base, and write the result."""
        best = self.state.best
        if best is None:
            raise MLError("No trial came to the end of an epoch. Give the search more time.")
        base = self._test_run(self.state.trials[0])
        winner = self._test_run(best)
        comparison_result = None
        if base and winner and best.number:
            comparison_result = comparison.compare(self.workspace, base, winner)
            winner.update_meta(name=f"Best of {self.request['name']}")
        base_name = "settings it started from" if self.request["run"] else "default settings"
        usable_trials = sum(trial.state != "failed" for trial in self.state.ended)
        result = {
            "trials": len(self.state.ended),
            "best": best.number,
            "run": best.run,
            "base": self.state.trials[0].run,
            "test": comparison_result,
            "importances": importances(self.axes, self._observations()),
            "sentence": comparison.search_summary(
                usable_trials, best.number, comparison_result, base_name
            ),
        }
        write_json(self.sweep.folder / "result.json", result)
        self.progress(1.0)
        return result

    def _test_run(self, trial: Trial) -> Run | None:
        """The run of a trial, tested and exported without another step; None if deleted."""
        run = trial_run(self.workspace, trial)
        if run is not None and run.model is None:
            queue.claim(run, resume=True)
            ended = train(self.workspace, run, callbacks=[NoMoreSteps()])
            if run.model is None:
                raise MLError(f"The best trial could not be tested. {ended.reason}")
        return run

    @property
    def _validation_pictures(self) -> int:
        return int((self.record.get("counts") or {}).get("val") or 1)

    def _is_stop_requested(self) -> bool:
        return (self.sweep.folder / "stop").exists()

    def _seconds_spent(self) -> float:
        return self._seconds_before + time.monotonic() - self._start

    def _seconds_left(self) -> float:
        """The seconds left for trials, without the time reserved for the test."""
        seconds = float(self.request["seconds"])
        return seconds - min(TEST_SHARE * seconds, MAX_TEST_SECONDS) - self._seconds_spent()

    def _save(self) -> None:
        self.state.spent = self._seconds_spent()
        self.sweep.save(self.state)
        limit, ended_count = int(self.request["trials"]), len(self.state.ended)
        shares = [self.state.spent / max(1e-6, float(self.request["seconds"]))]
        shares += [ended_count / (limit + 1)] if limit else []
        self.progress(min(0.99, max(shares)))


def _final_event(run: Run) -> RunEnded | None:
    """The last ``RunEnded`` of a run that has ended and is not queued again, else None."""
    if run.status.name not in ("finished", "stopped", "failed"):
        return None
    endings = [event for event in run.events()[0] if isinstance(event, RunEnded)]
    return endings[-1] if endings else None
