"""Cost history: the estimate of a run and what it took, stored with it. Light.

``estimate.json`` has ``expected`` (``seconds`` from the first event to the last, ``memory`` and
``disk`` in bytes, ``basis``, ``measured``) and, once the run has finished in one go, ``actual``.
"""

from typing import Any

from ml.config import TrainConfig
from ml.errors import MLError
from ml.hardware import describe, peak_memory, read_measurements, thread_count
from ml.runs.file_types import Estimate
from ml.runs.folder import Run
from ml.training.cost.estimate import estimate
from ml.utils.files import write_json
from ml.utils.typed_json import read_typed
from ml.workspace import Workspace

FILE = "estimate.json"
LAID_ASIDE = ("checkpoints", "model")
"""What counts as the disk of a run, besides prepared pixels, which the next run uses again."""


def expect(workspace: Workspace, run: Run, config: TrainConfig, counts: dict[str, int]) -> None:
    """Keep what ``run`` is expected to take, before it does."""
    resolved = config.changed(threads=thread_count(config.threads))
    cost = estimate(resolved, sum(counts.values()), describe(), read_measurements(workspace))
    expected = {
        "seconds": cost.seconds - cost.start_up,
        "memory": cost.memory,
        "disk": cost.disk,
        "basis": cost.basis,
        "measured": cost.measured,
    }
    write_json(run.folder / FILE, {"expected": expected})


def keep(run: Run, seconds: float) -> None:
    """Add what it took; nothing where nobody expected anything, or no disk is left for it."""
    content = read(run)
    if not content or "actual" in content:
        return
    files = (path for name in LAID_ASIDE for path in (run.folder / name).glob("*"))
    disk = sum(path.stat().st_size for path in files)
    actual = {"seconds": seconds, "memory": peak_memory(), "disk": disk}
    try:
        write_json(run.folder / FILE, {**content, "actual": actual})
    except MLError:
        return


def read(run: Run) -> dict[str, Any] | None:
    """The content of ``estimate.json``; None where there is none."""
    content: dict[str, Any] | None = read_typed(run.folder / FILE, Estimate)
    return content
