"""Beginning a search, the same from a page and from a shell. Light: no torch."""

from collections.abc import Sequence
from typing import Any

from ml.config import TrainConfig
from ml.runs.folder import Run
from ml.training.start import RunPictures, record_for
from ml.tuning.search_space import axis_of, usual
from ml.tuning.sweep import Sweep, create
from ml.workspace import Workspace

MINUTES = 10.0
"""The time that a search has where nobody says."""


def new_sweep(
    workspace: Workspace,
    base: TrainConfig,
    pictures: RunPictures = None,
    *,
    fields: Sequence[str] | None = None,
    **about: Any,
) -> Sweep:
    """A new search from ``base`` over ``fields`` (None: those that decide most).

    ``pictures`` as in ``ml.training.start``.

    Raises:
        BadInputError: a setting that cannot be searched.
    """
    base = base.changed(minutes=0.0)  # trials must differ by their settings alone
    axes = [axis_of(base, name) for name in fields or usual(base)]
    return create(workspace, base, record_for(workspace, base, pictures), axes, **about)


def better(workspace: Workspace, run: Run, *, seconds: float = 60 * MINUTES) -> Sweep:
    """A search from the settings of a finished run, on its pictures; the run is its trial 0.

    Raises:
        BadInputError: its configuration cannot be read.
    """
    return new_sweep(workspace, run.without_limit, run.dataset, run=run.id, seconds=seconds)
