"""Starting a run: on the newest pictures, those of a version, or those of another run."""

from pathlib import Path

import pytest

from ml.config import TrainConfig
from ml.data import catalog
from ml.data.edits.edits import commit
from ml.data.ingest.bring_in import bring_in
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.runs.folder import list_runs
from ml.training.start import start
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture


@pytest.fixture
def versions(workspace: Workspace, tmp_path: Path) -> tuple[DatasetVersion, DatasetVersion]:
    """An older and a newer version of ``pets``."""
    for n in range(40):
        path = tmp_path / "pets" / ("cat" if n % 2 else "dog") / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(picture(n)))
    first = bring_in(workspace, tmp_path / "pets").version
    rename = {"do": "rename_class", "old": "cat", "new": "kitten"}
    return first, commit(workspace, "pets", [rename], base=first.version)


def test_without_pictures_named_a_run_learns_from_the_newest_version(
    workspace: Workspace, versions: tuple[DatasetVersion, DatasetVersion]
) -> None:
    run = start(workspace, TrainConfig(dataset="pets", split_seed=3), name="Mine", parent="before")
    assert run.dataset == catalog.run_record(versions[1], 3)
    assert (run.name, run.meta["parent"], run.status.name) == ("Mine", "before", "queued")


def test_a_version_or_the_record_of_another_run_is_taken_as_it_is(
    workspace: Workspace, versions: tuple[DatasetVersion, DatasetVersion]
) -> None:
    config = TrainConfig(dataset="pets")
    older = start(workspace, config, versions[0])
    assert older.dataset["version"] == versions[0].version
    assert start(workspace, config, older.dataset).dataset == older.dataset


def test_a_claimed_run_never_waits_in_the_queue(
    workspace: Workspace, versions: tuple[DatasetVersion, DatasetVersion]
) -> None:
    run = start(workspace, TrainConfig(dataset="pets"), claimed=True)
    assert run.status.name == "running"


def test_a_data_set_that_is_not_there_makes_no_run(workspace: Workspace) -> None:
    with pytest.raises(BadInputError):
        start(workspace, TrainConfig(dataset="nothing"))
    assert list_runs(workspace) == []
