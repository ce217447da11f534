"""The search itself: trials one after another in one process, until its time is over.

A trial is an ordinary run that is neither tested nor exported. What was tried is in the sweep's
``trials.json`` before it is begun, and what comes next is a function of it: a search that was
killed at any moment goes on where it was, with the trial that it was at. At the end the best trial
and the base are tested, which decides nothing any more.
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
from ml.tuning import sweep as folder
from ml.tuning.callbacks import BEHIND, OVER, STOPPED, NoMoreSteps, WatchTrial
from ml.tuning.sampler import Tried, importances, suggest
from ml.tuning.sweep import Sweep, Trial, trial_run
from ml.utils.files import write_json
from ml.workspace import Workspace

RESERVE_SHARE, RESERVE_SECONDS = 0.1, 60.0
"""So much of the time, and never more, is kept for the test at the end."""
TRIES = 10
"""So often another trial is drawn where one was tried already; then nothing new is left."""
FAILED = 5
"""So many failures one after another end the search: something else is wrong."""


class Search:
    """One worker's work on a sweep. ``tell`` is given the share that is done, 0 to 1."""

    def __init__(
        self, workspace: Workspace, sweep: Sweep, tell: Callable[[float], None] | None = None
    ) -> None:
        self.workspace, self.sweep, self.tell = workspace, sweep, tell or (lambda share: None)
        self.asked, self.base, self.axes = sweep.asked, sweep.base, sweep.axes
        self.record = sweep.dataset
        self.state = sweep.state
        self._before, self._began = self.state.spent, time.monotonic()

    def run(self) -> dict[str, Any]:
        """Search until the end, and return the result, which is kept as ``result.json``."""
        claimed = folder.claim(self.sweep)
        outcome, reason = "failed", ""
        try:
            stopped = self._trials()
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
            told = {"claimed": claimed, "outcome": outcome, "reason": reason}
            write_json(self.sweep.folder / "ended.json", told)

    def _trials(self) -> bool:
        """Trial after trial; True where somebody asked to stop."""
        while not self._stopped():
            if not self.state.trials or self.state.trials[-1].state in folder.OVER:
                trial = self._next()
                if trial is None:
                    return False
                self.state.trials.append(trial)
                self._save()
            self._work(self.state.trials[-1])
            self._save()
            first = self.state.trials[0]
            if first.state == "failed":
                raise MLError(f"The settings to start from do not train. {first.reason}")
        return True

    def _next(self) -> Trial | None:
        """The trial to come; None where time, number or possibilities are used up."""
        over, number = self.state.over, len(self.state.trials)
        if number == 0:
            values = {axis.name: getattr(self.base, axis.name) for axis in self.axes}
            return Trial(0, values, run=str(self.asked["run"]))
        limit = int(self.asked["trials"])
        typical = statistics.median([trial.seconds for trial in over[1:]] or [0.0])
        last = [trial.state for trial in over[-FAILED:]]
        if (limit and number >= limit) or self._left() < max(0.5 * typical, 0.001):
            return None
        if len(last) == FAILED and set(last) == {"failed"}:
            return None
        tried = self._tried()
        for attempt in range(TRIES):
            seed = int(self.asked["seed"]) + 7919 * attempt
            values = suggest(self.axes, tried, number, seed)
            if values not in [one.values for one in tried]:
                return Trial(number, values)
        return None

    def _tried(self) -> list[Tried]:
        return [
            Tried(trial.values, trial.score, trial.state != "pruned") for trial in self.state.over
        ]

    def _work(self, trial: Trial) -> None:
        """Begin a trial, or go on with it, and take note of how it ended."""
        began = time.monotonic()
        run = self._run_of(trial)
        ended = _last_word(run)
        # Who was stopped by hand before this worker came was stopped with the search.
        if ended is None or self._state_of(ended, by_hand="running") == "running":
            if run.status.name != "running":
                queue.claim(run, resume=True)
            curves = [pruning.curve_of(other.events()[0]) for other in self._whole(trial)]
            curve = pruning.curve_of(run.events()[0])
            watch = WatchTrial(
                *(curves, curve, self._pictures, self._left, self.sweep.folder / "stop", self._save)
            )
            ended = train(self.workspace, run, callbacks=[watch], finish=False)
        trial.seconds += time.monotonic() - began
        self._judge(trial, run, ended)

    def _run_of(self, trial: Trial) -> Run:
        """The run of a trial: the one it has, one that a killed worker left, or a new one."""
        known = trial_run(self.workspace, trial)
        if known is None:
            left = (run for run in reversed(list_runs(self.workspace)) if self._is_of(run, trial))
            known = next(left, None)
        if known is None:
            known = runs.create(
                self.workspace,
                self.base.changed(**trial.values),
                self.record,
                name=f"Trial {trial.number} of {self.asked['name']}",
                parent=str(self.asked["run"]) or None,
                claimed=True,
                sweep=self.sweep.id,
                trial=trial.number,
            )
        trial.run = known.id
        self._save()
        return known

    def _is_of(self, run: Run, trial: Trial) -> bool:
        meta = run.meta
        return meta.get("sweep") == self.sweep.id and meta.get("trial") == trial.number

    def _whole(self, trial: Trial) -> list[Run]:
        """The runs of the other trials that went all the way and are still there."""
        done = [other for other in self.state.over if other.state == "done" and other is not trial]
        found = (trial_run(self.workspace, other) for other in done)
        return [run for run in found if run is not None]

    def _judge(self, trial: Trial, run: Run, ended: RunEnded) -> None:
        curve = pruning.curve_of(run.events()[0])
        best = pruning.best_of(curve)
        trial.state = self._state_of(ended)
        trial.reason, trial.epochs = ended.reason, ended.epochs
        if best is not None and trial.state != "failed":
            trial.accuracy, trial.loss = best.accuracy, best.loss
            trial.score = pruning.score(best, self._pictures)
        if trial.state == "cut" and best is None:
            trial.state = "failed"

    def _state_of(self, ended: RunEnded, by_hand: str = "cut") -> str:
        """The state of a trial whose run ended so; ``running`` where it is to go on later."""
        if ended.outcome != "stopped":
            return "done" if ended.outcome == "finished" else "failed"
        if ended.reason.startswith(BEHIND):
            return "pruned"
        if ended.reason.startswith(OVER):
            return "cut"
        return "running" if ended.reason.startswith(STOPPED) or self._stopped() else by_hand

    def _conclude(self) -> dict[str, Any]:
        """Test the best trial and the base, and say what came of it."""
        best = self.state.best
        if best is None:
            raise MLError("No trial came to the end of an epoch. Give the search more time.")
        base = self._tested(self.state.trials[0])
        winner = self._tested(best)
        found = None
        if base and winner and best.number:
            found = comparison.compare(base, winner)
            winner.update_meta(name=f"Best of {self.asked['name']}")
        named = "settings it started from" if self.asked["run"] else "default settings"
        whole = sum(trial.state != "failed" for trial in self.state.over)
        result = {
            "trials": len(self.state.over),
            "best": best.number,
            "run": best.run,
            "base": self.state.trials[0].run,
            "test": found,
            "importances": importances(self.axes, self._tried()),
            "sentence": comparison.sentence(whole, best.number, found, named),
        }
        write_json(self.sweep.folder / "result.json", result)
        self.tell(1.0)
        return result

    def _tested(self, trial: Trial) -> Run | None:
        """The run of a trial, tested and exported as it stands; None where it was deleted."""
        run = trial_run(self.workspace, trial)
        if run is not None and run.model is None:
            queue.claim(run, resume=True)
            ended = train(self.workspace, run, callbacks=[NoMoreSteps()])
            if run.model is None:
                raise MLError(f"The best trial could not be tested. {ended.reason}")
        return run

    @property
    def _pictures(self) -> int:
        return int((self.record.get("counts") or {}).get("val") or 1)

    def _stopped(self) -> bool:
        return (self.sweep.folder / "stop").exists()

    def _spent(self) -> float:
        return self._before + time.monotonic() - self._began

    def _left(self) -> float:
        """Seconds for trials: the rest of the time without what the end needs."""
        seconds = float(self.asked["seconds"])
        return seconds - min(RESERVE_SHARE * seconds, RESERVE_SECONDS) - self._spent()

    def _save(self) -> None:
        self.state.spent = self._spent()
        self.sweep.save(self.state)
        limit, done = int(self.asked["trials"]), len(self.state.over)
        shares = [self.state.spent / max(1e-6, float(self.asked["seconds"]))]
        shares += [done / (limit + 1)] if limit else []
        self.tell(min(0.99, max(shares)))


def _last_word(run: Run) -> RunEnded | None:
    """How the run ended, where it did and nobody asked for more of it since."""
    if run.status.name not in ("finished", "stopped", "failed"):
        return None
    ended = [event for event in run.events()[0] if isinstance(event, RunEnded)]
    return ended[-1] if ended else None
