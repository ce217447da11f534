"""The folder of a search for better settings: create, find, claim, read. Light: no torch.

``sweeps/<id>/`` is to a search what the run folder is to a run (``docs/run-folder.md``). Its trials
are ordinary runs; what they scored is read from their own event logs.
"""

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.runs import status as run_status
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.tuning.search_space import Axis
from ml.utils.files import explain_os_error, read_json, write_json
from ml.workspace import Workspace

SWEEP_VERSION = 1
OVER = ("done", "pruned", "cut", "failed")
"""States of a trial that is over; ``running`` is the other. *pruned*: clearly behind, ended early;
*cut*: the time of the search was over."""


@dataclass
class Trial:
    """One trial. ``values`` by name of the setting; number 0 is the base, unchanged.

    ``score`` ranks (see ``ml.tuning.pruning``); ``accuracy`` and ``loss`` are on the validation
    pictures, at the epoch that was kept; ``seconds`` is what it took.
    """

    number: int
    values: dict[str, Any]
    run: str = ""
    state: str = "running"
    score: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""


@dataclass
class State:
    """What a search has done: its trials, and the seconds it has worked, over all its workers."""

    trials: list[Trial] = field(default_factory=list)
    spent: float = 0.0

    @property
    def over(self) -> list[Trial]:
        """The trials that are over."""
        return [trial for trial in self.trials if trial.state in OVER]

    @property
    def best(self) -> Trial | None:
        """The best by validation among those that are over; of equals the earliest."""
        scored = [
            trial for trial in self.over if trial.score is not None and trial.state != "pruned"
        ]
        return max(scored, key=lambda trial: (trial.score or 0.0, -trial.number), default=None)


@dataclass(frozen=True)
class Sweep:
    """One folder. Nothing is cached: each property reads the file anew."""

    folder: Path

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def asked(self) -> dict[str, Any]:
        """``sweep.json``: name, base, axes, seconds, trials, seed, run, created.

        Raises:
            BadInputError: it is missing or damaged.
        """
        found = read_json(self.folder / "sweep.json")
        if not isinstance(found, dict) or found.get("version") != SWEEP_VERSION:
            raise BadInputError(f"The search {self.id} cannot be read. Start a new one.")
        return found

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.asked.get("name") or self.id)

    @property
    def base(self) -> TrainConfig:
        """The settings that it starts from."""
        return TrainConfig.from_json(self.asked["base"])

    @property
    def axes(self) -> list[Axis]:
        """What it changes."""
        return [Axis.from_json(axis) for axis in self.asked["axes"]]

    @property
    def dataset(self) -> dict[str, Any]:
        """The pictures and their split, the same for all trials."""
        found = read_json(self.folder / "dataset.json")
        return found if isinstance(found, dict) else {}

    @property
    def state(self) -> State:
        """What it has done."""
        found = read_json(self.folder / "trials.json")
        if not isinstance(found, dict):
            return State()
        return State([Trial(**trial) for trial in found["trials"]], float(found["spent"]))

    @property
    def result(self) -> dict[str, Any] | None:
        """What came of it: see ``ml.tuning.comparison``; None until it is over."""
        found = read_json(self.folder / "result.json")
        return found if isinstance(found, dict) else None

    @property
    def status(self) -> Status:
        """As that of a run: queued, running, finished, stopped, failed or interrupted."""
        worker = read_json(self.folder / "worker.json")
        if not isinstance(worker, dict):
            return Status("queued")
        ended = read_json(self.folder / "ended.json")
        if isinstance(ended, dict) and ended.get("claimed") == worker.get("claimed"):
            return Status(str(ended["outcome"]), str(ended.get("reason", "")))
        if run_status.lives(worker, self._heard()):
            return Status("running", stopping=(self.folder / "stop").exists())
        return Status("interrupted", "The search ended without a word. No trial of it is lost.")

    def save(self, state: State) -> None:
        """Write ``trials.json``."""
        write_json(self.folder / "trials.json", asdict(state))

    def ask_to_stop(self) -> None:
        """Ask the search to stop at the next batch; it can be resumed."""
        try:
            (self.folder / "stop").touch()
        except OSError as error:
            raise explain_os_error(error, self.folder / "stop") from error
        if (run := self._at_work()) and run.status.name == "running":
            run.ask_to_stop()  # which it looks for while it prepares its pictures, too

    def _at_work(self) -> Run | None:
        """The run of the last trial."""
        trials = self.state.trials
        run = Run(self.folder.parent.parent / "runs" / trials[-1].run) if trials else None
        return run if run and trials[-1].run and run.folder.is_dir() else None

    def _heard(self) -> float:
        """The last sign of life, in seconds since 1970."""
        run, paths = self._at_work(), [self.folder / "worker.json", self.folder / "trials.json"]
        if run:
            paths.append(run.folder / "events.jsonl")
        return max([path.stat().st_mtime for path in paths if path.is_file()], default=0.0)


def create(
    workspace: Workspace,
    base: TrainConfig,
    record: dict[str, Any],
    axes: Sequence[Axis],
    *,
    name: str = "",
    seconds: float = 600.0,
    trials: int = 0,
    seed: int = 0,
    run: str = "",
) -> Sweep:
    """Make the folder of a new search. ``trials`` 0 is limited by ``seconds`` alone.

    ``run`` is a finished run with the settings of ``base``, on the pictures of ``record``: it then
    is trial 0 and need not be trained again.

    Raises:
        BadInputError: nothing is to be searched.
        WorkspaceError: the disk is full or the workspace cannot be written to.
    """
    if not axes:
        raise BadInputError("Choose at least one setting to search.")
    now = time.time()
    slug = re.sub(r"[^a-z0-9]+", "-", base.dataset.lower()).strip("-")[:24] or "sweep"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"{int(now % 1 * 1e6):06d}"
    identifier = f"{stamp}-{slug}-{secrets.token_hex(2)}"
    staged = workspace.sweeps / f".{identifier}.part"
    asked = {
        "version": SWEEP_VERSION,
        "name": name or f"Search on {base.dataset}",
        "base": base.to_json(),
        "axes": [axis.to_json() for axis in axes],
        "seconds": seconds,
        "trials": trials,
        "seed": seed,
        "run": run,
        "created": now,
    }
    try:
        staged.mkdir(parents=True)
        write_json(staged / "sweep.json", asked)
        write_json(staged / "dataset.json", record)
        staged.rename(workspace.sweeps / identifier)
    except BaseException as error:
        shutil.rmtree(staged, ignore_errors=True)
        if isinstance(error, OSError):
            raise explain_os_error(error, staged / "sweep.json") from error
        raise
    return Sweep(workspace.sweeps / identifier)


def list_sweeps(workspace: Workspace) -> list[Sweep]:
    """All searches, the oldest first."""
    return [Sweep(path.parent) for path in sorted(workspace.sweeps.glob("[!.]*/sweep.json"))]


def find_sweep(workspace: Workspace, wanted: str) -> Sweep:
    """The search that ``wanted`` names: an id, a unique beginning of one, or ``latest``.

    Raises:
        BadInputError: there is none, or more than one.
    """
    sweeps = list_sweeps(workspace)
    if wanted == "latest" and sweeps:
        return sweeps[-1]
    fitting = [sweep for sweep in sweeps if wanted and sweep.id.startswith(wanted)]
    exact = [sweep for sweep in fitting if sweep.id == wanted]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    known = ", ".join(sweep.id for sweep in sweeps[-4:]) or "none yet"
    raise BadInputError(f"There is no one search {wanted}. The last ones are: {known}.")


def claim(sweep: Sweep) -> float:
    """Make this process the worker of ``sweep``; returns what tells its ending from another's.

    Raises:
        BadInputError: another worker is at it.
    """
    with FileLock(sweep.folder / ".claim.lock"):
        if sweep.status.name == "running":
            raise BadInputError(f"The search {sweep.id} is under way already. Stop it first.")
        (sweep.folder / "stop").unlink(missing_ok=True)
        now = time.time()
        write_json(sweep.folder / "worker.json", {**run_status.identity(), "claimed": now})
        return now


def trial_run(workspace: Workspace, trial: Trial) -> Run | None:
    """The run of a trial; None where it was deleted."""
    run = Run(workspace.runs / trial.run)
    return run if trial.run and run.folder.is_dir() else None
