"""The sweep, the folder of a hyperparameter search: create, find, claim, read. Light: no torch.

``sweeps/<id>/`` is to a search what the run folder is to a run (``docs/run-folder.md``). The trials
are ordinary runs, whose scores come from their own event logs.
"""

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.runs import status as run_status
from ml.runs.file_types import RunDataset, Worker
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.tuning.search_space import Axis
from ml.utils.files import explain_os_error, write_json
from ml.utils.locks import held
from ml.utils.typed_json import Count, Moment, Seconds, read_typed
from ml.workspace import Workspace

SWEEP_VERSION = 1
FINAL_STATES = ("done", "pruned", "cut", "failed")
"""The states of a trial that has ended; the only other state is ``running``. *pruned*: ended by the
median rule; *cut*: ended because the time of the search was over."""


class Request(TypedDict):
    """``sweep.json``: what a search was asked for."""

    version: Count
    name: str
    base: dict[str, Any]
    axes: list[Axis]
    seconds: Seconds
    trials: Count
    seed: int
    run: NotRequired[str]
    created: Moment


class Ended(TypedDict):
    """``ended.json``: how the worker of a claim ended."""

    claimed: Moment
    outcome: Literal["finished", "stopped", "failed"]
    reason: NotRequired[str]


class Result(TypedDict):
    """``result.json``."""

    sentence: str
    trials: NotRequired[Count]
    best: NotRequired[Count | None]
    run: NotRequired[str]
    base: NotRequired[str]
    test: NotRequired[Any]
    importances: NotRequired[dict[str, float]]


@dataclass
class Trial:
    """One trial. ``values`` holds the searched settings by name; number 0 is the unchanged base.

    ``score`` ranks the trials (``ml.tuning.pruning.score``); ``accuracy`` (0 to 1) and ``loss`` are
    those of the best epoch on the validation pictures; ``seconds`` is the time it took.
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
class SweepState:
    """The progress of a search: its trials, and the seconds ``spent`` by all its workers."""

    trials: list[Trial] = field(default_factory=list)
    spent: float = 0.0

    @property
    def ended(self) -> list[Trial]:
        """The trials that have ended."""
        return [trial for trial in self.trials if trial.state in FINAL_STATES]

    @property
    def best(self) -> Trial | None:
        """The ended trial with the best score that was not pruned; of equals the earliest."""
        scored = [
            trial for trial in self.ended if trial.score is not None and trial.state != "pruned"
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
    def request(self) -> dict[str, Any]:
        """``sweep.json``: name, base, axes, seconds, trials, seed, run, created.

        Raises:
            BadInputError: it is missing or damaged.
        """
        content: dict[str, Any] | None = read_typed(self.folder / "sweep.json", Request)
        if content is None or content["version"] != SWEEP_VERSION:
            raise BadInputError(f"The search {self.id} cannot be read. Start a new one.")
        return content

    @property
    def name(self) -> str:
        """The name that the user gave, or the id."""
        return str(self.request.get("name") or self.id)

    @property
    def base(self) -> TrainConfig:
        """The settings that the search starts from."""
        return TrainConfig.from_json(self.request["base"])

    @property
    def axes(self) -> list[Axis]:
        """The dimensions of the search space."""
        return [Axis.from_json(axis) for axis in self.request["axes"]]

    @property
    def dataset(self) -> dict[str, Any]:
        """The run record of the data set (pictures and split), the same for all trials."""
        return read_typed(self.folder / "dataset.json", RunDataset) or {}

    @property
    def state(self) -> SweepState:
        """``trials.json``: the trials and the seconds spent."""
        content = read_typed(self.folder / "trials.json", SweepState) or {}
        names = {item.name for item in fields(Trial)}
        known = [
            {name: value for name, value in one.items() if name in names}
            for one in content.get("trials", ())
        ]
        return SweepState([Trial(**one) for one in known], content.get("spent", 0.0))

    @property
    def result(self) -> dict[str, Any] | None:
        """``result.json``: the best trial, its test and the importances; None until the end."""
        content: dict[str, Any] | None = read_typed(self.folder / "result.json", Result)
        return content

    @property
    def status(self) -> Status:
        """The status, one of a run's: queued, running, finished, stopped, failed, interrupted."""
        worker = read_typed(self.folder / "worker.json", Worker)
        if worker is None:
            return Status("queued")
        ended = read_typed(self.folder / "ended.json", Ended)
        if ended and ended["claimed"] == worker.get("claimed"):
            return Status(ended["outcome"], ended.get("reason", ""))
        if run_status.lives(worker, self._last_heartbeat()):
            return Status("running", stopping=(self.folder / "stop").exists())
        return Status("interrupted", "The search ended without a word. No trial of it is lost.")

    def save(self, state: SweepState) -> None:
        """Write ``trials.json``."""
        write_json(self.folder / "trials.json", asdict(state))

    def ask_to_stop(self) -> None:
        """Ask the search to stop at the next batch; it can be resumed."""
        try:
            (self.folder / "stop").touch()
        except OSError as error:
            raise explain_os_error(error, self.folder / "stop") from error
        if (run := self._current_run()) and run.status.name == "running":
            run.ask_to_stop()  # a run also checks it while it prepares pictures

    def _current_run(self) -> Run | None:
        """The run of the last trial; None where there is none."""
        trials = self.state.trials
        run = Run(self.folder.parent.parent / "runs" / trials[-1].run) if trials else None
        return run if run and trials[-1].run and run.folder.is_dir() else None

    def _last_heartbeat(self) -> float:
        """The time of the last heartbeat, in seconds since 1970."""
        run, paths = self._current_run(), [self.folder / "worker.json", self.folder / "trials.json"]
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
    partial_folder = workspace.sweeps / f".{identifier}.part"
    request = {
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
        partial_folder.mkdir(parents=True)
        write_json(partial_folder / "sweep.json", request)
        write_json(partial_folder / "dataset.json", record)
        partial_folder.rename(workspace.sweeps / identifier)
    except BaseException as error:
        shutil.rmtree(partial_folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise explain_os_error(error, partial_folder / "sweep.json") from error
        raise
    return Sweep(workspace.sweeps / identifier)


def list_sweeps(workspace: Workspace) -> list[Sweep]:
    """All searches, the oldest first."""
    return [Sweep(path.parent) for path in sorted(workspace.sweeps.glob("[!.]*/sweep.json"))]


def find_sweep(workspace: Workspace, identifier: str) -> Sweep:
    """The search that ``identifier`` names: an id, a unique beginning of one, or ``latest``.

    Raises:
        BadInputError: there is none, or more than one.
    """
    sweeps = list_sweeps(workspace)
    if identifier == "latest" and sweeps:
        return sweeps[-1]
    matches = [sweep for sweep in sweeps if identifier and sweep.id.startswith(identifier)]
    exact_matches = [sweep for sweep in matches if sweep.id == identifier]
    if len(exact_matches or matches) == 1:
        return (exact_matches or matches)[0]
    last_ids = ", ".join(sweep.id for sweep in sweeps[-4:]) or "none yet"
    raise BadInputError(f"There is no one search {identifier}. The last ones are: {last_ids}.")


def claim(sweep: Sweep) -> float:
    """Make this process the worker of ``sweep``; returns the time of the claim.

    The worker writes that time into ``ended.json``, too.

    Raises:
        BadInputError: another worker is running.
    """
    with held(sweep.folder / ".claim.lock"):
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
