"""Small searches for the tests: a tiny network on noise, one thread, no chance in the machine."""

from typing import Any

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.store.versions import DatasetVersion
from ml.tuning.search import Search
from ml.tuning.search_space import axis_of
from ml.tuning.sweep import Sweep, create
from ml.workspace import Workspace
from tests.helpers.trained import dataset

SETTINGS: dict[str, Any] = {
    "dataset": "noise",
    "model": "tutorial_net",
    "epochs": 4,
    "image_size": 16,
    "batch_size": 16,
    "threads": 1,
    "device": "cpu",
    "precision": "32",
    "pretrained": False,
    "freeze_backbone": False,
    "augment": "none",
}
FIELDS = ("learning_rate", "weight_decay", "optimizer")


def noise_dataset(workspace: Workspace) -> DatasetVersion:
    return dataset(workspace, "noise", each=40)


def new_sweep(workspace: Workspace, version: DatasetVersion, **options: Any) -> Sweep:
    base = TrainConfig(**{**SETTINGS, **options.pop("settings", {})})
    record = options.pop("record", None) or run_record(version, base.split_seed)
    axes = [axis_of(base, name) for name in options.pop("fields", FIELDS)]
    return create(workspace, base, record, axes, **{"trials": 7, "seconds": 600.0, **options})


def search_to_the_end(workspace: Workspace, sweep: Sweep) -> dict[str, Any]:
    return Search(workspace, sweep).run()


def outcomes(sweep: Sweep) -> list[tuple[Any, ...]]:
    """What was tried and found, without what the clock or chance of names decide."""
    return [
        (
            trial.number,
            trial.values,
            trial.state,
            trial.score,
            trial.accuracy,
            trial.loss,
            trial.epochs,
        )
        for trial in sweep.state.trials
    ]
