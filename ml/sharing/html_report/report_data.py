"""``Subject``: the run, its results and the data set that a report is about."""

import time
from dataclasses import dataclass, field
from typing import Any

from ml.config import TrainConfig
from ml.data import catalog
from ml.data.catalog import DatasetInfo
from ml.errors import BadInputError
from ml.evaluation.results import Results
from ml.models import catalog as model_catalog
from ml.runs.folder import Run
from ml.text.format import count
from ml.workspace import Workspace

SPLITS = {"train": "training picture", "val": "validation picture", "test": "test picture"}


@dataclass(frozen=True)
class Subject:
    """A run, what it answered for some pictures, and when the report is made.

    ``config`` and ``model`` (the content of ``model.json``) are read from the run once.
    """

    workspace: Workspace
    run: Run
    results: Results
    config: TrainConfig
    model: dict[str, Any]
    now: float = field(default_factory=time.time)

    @property
    def report(self) -> dict[str, Any]:
        """The EvaluationReport."""
        return self.results.report

    @property
    def info(self) -> DatasetInfo | None:
        """What is known of that set; None where it is gone."""
        return described(self.workspace, self.results.dataset)

    @property
    def counted(self) -> str:
        """How many pictures were asked about: "90 test pictures"."""
        kind = SPLITS.get(self.results.split, "picture")
        return count(len(self.results.labels), kind)

    @property
    def network(self) -> str:
        """What the model is called."""
        name = str(self.report.get("model") or self.config.model)
        try:
            return model_catalog.get(name).label
        except BadInputError:  # one of somebody's own, which is not here any more
            return name


def described(workspace: Workspace, dataset: str) -> DatasetInfo | None:
    """What is known of a set; None where it is gone."""
    try:
        return catalog.describe(workspace, dataset) if dataset else None
    except BadInputError:
        return None


def day(moment: float) -> str:
    """A day in words: "28 November 2026"."""
    then = time.localtime(moment)
    return f"{then.tm_mday} {MONTHS[then.tm_mon - 1]} {then.tm_year}"


MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
