"""Start of a run: pictures, their split and the run folder, the same from a page and a shell.

Light: no torch. Who trains the run is another matter: the queue, or the process that calls.
"""

from collections.abc import Mapping
from typing import Any

from ml.config import TrainConfig
from ml.data import catalog
from ml.data.pixels.parallel import Progress
from ml.data.store.versions import DatasetVersion
from ml.presets import configuration, default_pixels
from ml.runs.folder import Run, create
from ml.runs.names import free_name, naming, title_of_dataset
from ml.workspace import Workspace

RunPictures = DatasetVersion | dict[str, Any] | None
"""A version of a data set; the record of another run, for its very pictures and split; None for
the newest version of the data set that the configuration names."""


def record_for(
    workspace: Workspace, config: TrainConfig, pictures: RunPictures = None
) -> dict[str, Any]:
    """Which pictures train, validate and test (see ``ml.data.catalog.run_record``).

    Raises:
        BadInputError: there is no such data set, or it cannot be divided.
    """
    if isinstance(pictures, dict):
        return pictures
    version = pictures or catalog.resolve(workspace, config.dataset, pixels_for=default_pixels)
    return catalog.run_record(version, config.split_seed)


def configured(
    workspace: Workspace, dataset: str, wanted: Mapping[str, Any], progress: Progress | None = None
) -> tuple[TrainConfig, DatasetVersion]:
    """The configuration of the presets with ``wanted`` on top, and the pictures it is for.

    Args:
        dataset: a name, or the path of a folder, which is brought in where need be.
        wanted: settings by name; text is converted.
        progress: of an ingestion, 0 to 1.

    Raises:
        BadInputError: there is no such data set, or a setting does not fit.
    """
    TrainConfig().changed(**wanted)  # a bad setting is refused before a long ingestion
    version = catalog.resolve(workspace, dataset, progress, pixels_for=default_pixels)
    return configuration(version.name, catalog.describe(workspace, version.name), **wanted), version


def start(
    workspace: Workspace,
    config: TrainConfig,
    pictures: RunPictures = None,
    *,
    name: str = "",
    parent: str | None = None,
    claimed: bool = False,
) -> Run:
    """A new run. It is queued, or with ``claimed`` this process is its worker from the start.

    Args:
        name: what it is called; by default after its data set. A number tells it apart from another
            run of that name.
        parent: the id of the run that it comes from.

    Raises:
        BadInputError: see ``record_for``.
        WorkspaceError: the disk is full or the workspace cannot be written to.
    """
    record = record_for(workspace, config, pictures)
    with naming(workspace):
        unique_name = free_name(workspace, name or title_of_dataset(config.dataset))
        return create(workspace, config, record, name=unique_name, parent=parent, claimed=claimed)
