"""Fault injection: a training run in its own process, killed at chosen moments, and its invariants.

The moment of a kill is found by watching the run folder from outside; the product has no hooks.
"""

import hashlib
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ml.config import TrainConfig
from ml.data import catalog
from ml.presets import configuration
from ml.runs import folder as runs
from ml.runs.events import EpochEnd, Event, Progress, RunEnded, RunStarted, decode
from ml.runs.folder import Run
from ml.training import checkpoints
from ml.workspace import Workspace
from tests.helpers import forked_workers

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_SECONDS = 300.0


class Victim:
    """A run in ``workspace``, not started yet; ``settings`` are those of ``TrainConfig``."""

    def __init__(self, workspace: Workspace, dataset: str, **settings: Any) -> None:
        self.workspace = workspace
        version = catalog.resolve(workspace, dataset)
        info = catalog.describe(workspace, version.name)
        self.config: TrainConfig = configuration(version.name, info, **settings)
        record = catalog.run_record(version, self.config.split_seed)
        self.run: Run = runs.create(workspace, self.config, record)
        self.process: BaseProcess | None = None
        self.log_size = 0
        self.begun = 0

    def start(self) -> None:
        """Start a worker: the first, or one that goes on."""
        option = "--run" if self.run.status.name == "queued" else "--resume"
        self.log_size = len(self.log())
        self.begun = self._saved()
        command = ["train", option, self.run.id, "--workspace", str(self.workspace.root)]
        self.process = forked_workers.start(command, self.run.folder / "log.txt")

    def kill(self) -> None:
        """What the system does when memory is gone, or the power."""
        assert self.process is not None
        self.process.kill()
        self.process.join()

    def finish(self) -> None:
        """Wait until the worker has ended by itself."""
        assert self.process is not None
        self.process.join(TIMEOUT_SECONDS)
        printed = (self.run.folder / "log.txt").read_text(errors="replace")[-2000:]
        assert self.process.exitcode == 0, printed
        self._check_went_on()

    # --- finding a moment -----------------------------------------------------------------------

    def wait_for(self, is_awaited: Callable[[Event], bool]) -> None:
        """Wait for an event of the worker that runs now."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not any(map(is_awaited, self.run.events(self.log_size)[0])):
            self._still_alive(deadline)
            time.sleep(0.005)

    def wait_for_epochs(self, count: int) -> None:
        """Wait until the worker that runs now has done some epochs."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self._epochs() < count:
            self._still_alive(deadline)
            time.sleep(0.005)

    def _epochs(self) -> int:
        return sum(isinstance(event, EpochEnd) for event in self.run.events(self.log_size)[0])

    def wait_for_phase(self, phase: str) -> None:
        """Wait until the worker is at a phase of its work."""
        self.wait_for(lambda event: isinstance(event, Progress) and event.phase == phase)

    def kill_in_checkpoint(self) -> bool:
        """Kill the worker while it writes a checkpoint; whether that moment was met.

        A file that is being written stands beside its final name until it is whole.
        """
        folder = self.run.folder / "checkpoints"
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._half_written(folder):
            self._still_alive(deadline)
        self.kill()
        return self._half_written(folder)

    @staticmethod
    def _half_written(folder: Path) -> bool:
        try:
            return any(
                path.suffix == ".part" and ".ckpt." in path.name for path in folder.iterdir()
            )
        except FileNotFoundError:
            return False

    def _still_alive(self, deadline: float) -> None:
        assert self.process is not None
        assert self.process.is_alive(), "The worker ended before the moment came."
        assert time.monotonic() < deadline, "The moment did not come."

    # --- what is left ---------------------------------------------------------------------------

    def log(self) -> bytes:
        """The event log as it stands."""
        path = self.run.folder / "events.jsonl"
        return path.read_bytes() if path.exists() else b""

    def check_remains(self) -> float:
        """Assert that the killed run is there, readable and not running; the epochs it lost."""
        assert self.run in runs.list_runs(self.workspace), "the run is lost"
        assert self.run.status.name == "interrupted", self.run.status
        assert self.run.config == self.config
        assert self.run.dataset["classes"]
        lines = self.log().split(b"\n")[:-1]
        events = [decode(line) for line in lines if line]
        torn = [line for line, event in zip(filter(None, lines), events, strict=True) if not event]
        assert len(torn) <= len(self._workers()), "each kill may tear one line, and no more"
        self._check_went_on()
        newest = checkpoints.newest(self.run.folder / "checkpoints", "last")
        saved = self._saved()
        if newest:
            assert checkpoints.load(newest[0])["global_step"] == saved
        starts = self._workers()
        if not starts:
            return 0.0
        last_step = max((getattr(event, "step", 0) for event in events if event), default=0)
        return max(0, last_step - saved) / starts[-1].steps_per_epoch

    def _saved(self) -> int:
        """The step of the newest checkpoint."""
        newest = checkpoints.newest(self.run.folder / "checkpoints", "last")
        return int(newest[1]["step"]) if newest else 0

    def _check_went_on(self) -> None:
        """Assert that the newest worker repeated no epoch that was saved when it started."""
        events = self.run.events(self.log_size)[0]
        epochs = [event.step for event in events if isinstance(event, EpochEnd)]
        assert all(step > self.begun for step in epochs), (self.begun, epochs)

    def _workers(self) -> list[RunStarted]:
        return [event for event in self.run.events()[0] if isinstance(event, RunStarted)]

    def ended(self) -> RunEnded:
        """The last event of the log."""
        last = self.run.events()[0][-1]
        assert isinstance(last, RunEnded)
        return last

    def digest(self) -> dict[str, str]:
        """Hashes of everything that training decided: two runs that agree in them are the same."""
        folder = self.run.folder
        newest = checkpoints.newest(folder / "checkpoints", "last")
        assert newest is not None
        content = checkpoints.load(newest[0])
        weights = checkpoints.load(folder / "model" / "weights.pt")
        report = self.run.report or {}
        figures = [report.get("accuracy"), report.get("loss"), report.get("confusion")]
        return {
            "last weights": hash_of(content["state_dict"]),
            "optimizer": hash_of(content["optimizer_states"]),
            "steps": hash_of([content["global_step"], content["epoch"]]),
            "shipped weights": hash_of(weights),
            "test figures": hash_of(figures),
        }


def hash_of(value: Any) -> str:
    """A hash of nested dictionaries, lists, tensors, numbers and words."""
    digest = hashlib.sha256()

    def take(item: Any) -> None:
        if isinstance(item, dict):
            for key in sorted(item, key=str):
                digest.update(repr(key).encode())
                take(item[key])
        elif isinstance(item, (list, tuple)):
            for inner in item:
                take(inner)
        elif hasattr(item, "numpy"):
            array = item.detach().cpu().contiguous().numpy()
            digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        else:
            digest.update(repr(item).encode())

    take(value)
    return digest.hexdigest()
