"""Create a hyperparameter search from settings or from a finished run. Light: no torch."""

from collections.abc import Sequence
from typing import Any

from ml.config import TrainConfig
from ml.runs.folder import Run
from ml.training.start import RunPictures, record_for
from ml.tuning.search_space import axis_of, default_fields
from ml.tuning.sweep import Sweep, create
from ml.workspace import Workspace

DEFAULT_MINUTES = 10.0
"""The time limit of a search by default."""


def new_sweep(
    workspace: Workspace,
    base: TrainConfig,
    pictures: RunPictures = None,
    *,
    fields: Sequence[str] | None = None,
    **options: Any,
) -> Sweep:
    """A new search from ``base`` over ``fields`` (None: those that decide most).

    ``pictures`` as in ``ml.training.start``.

    Raises:
        BadInputError: a setting that cannot be searched.
    """
    base = base.changed(minutes=0.0)  # trials must differ by their settings alone
    axes = [axis_of(base, name) for name in fields or default_fields(base)]
    return create(workspace, base, record_for(workspace, base, pictures), axes, **options)


def search_from_run(
    workspace: Workspace, run: Run, *, seconds: float = 60 * DEFAULT_MINUTES
) -> Sweep:
    """A search from the settings of a finished run, on its pictures; the run is its trial 0.

    Raises:
        BadInputError: its configuration cannot be read.
    """
    return new_sweep(workspace, run.without_limit, run.dataset, run=run.id, seconds=seconds)
