"""Bundle: one classifier in a small workspace of its own, for a server that shows it alone."""

import secrets
import shutil
from pathlib import Path

from ml.data.store.originals import picture_path
from ml.data.store.versions import dataset_folder
from ml.errors import BadInputError, MLError
from ml.evaluation import results
from ml.runs.folder import Run
from ml.utils.files import explain_os_error
from ml.workspace import Workspace, open_workspace

EXAMPLES = 8
"""Test pictures that go along, to be tried at once; no other picture does."""
_NOT_PACKED = ("checkpoints", "reports", "log.txt", "worker.json", "stop", "killed", "*.lock", ".*")


def pack(workspace: Workspace, run: Run, folder: Path) -> int:
    """Make ``folder``, a workspace with ``run``: its model, its report, the list of the pictures
    that it learned from, and a few test pictures. How many bytes these are.

    Raises:
        BadInputError: the folder is there already, or the run has no model.
        WorkspaceError: the disk is full or cannot be written to.
    """
    if run.model is None:
        raise BadInputError(f"Run {run.id} has no model yet, so there is nothing to share.")
    if folder.exists():
        raise BadInputError(f"{folder} is there already. Name a folder that is to be made.")
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        target = open_workspace(beside)
        shutil.copytree(
            run.folder, target.runs / run.id, ignore=shutil.ignore_patterns(*_NOT_PACKED)
        )
        _copy_version(workspace, run, target)
        for digest in _examples(workspace, run):
            place = picture_path(target, digest)
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(picture_path(workspace, digest), place)
        size = sum(path.stat().st_size for path in beside.rglob("*") if path.is_file())
        beside.replace(folder)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return size


def _copy_version(workspace: Workspace, run: Run, target: Workspace) -> None:
    """The version of the data set that the run names, where it is still here."""
    name, number = str(run.dataset.get("name", "")), run.dataset.get("version")
    try:
        versions = dataset_folder(workspace, name) / "versions"
    except BadInputError:
        return
    place = dataset_folder(target, name) / "versions"
    for path in versions.glob(f"{number}.*"):
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / path.name)


def _examples(workspace: Workspace, run: Run) -> list[str]:
    """The hashes of a few test pictures that are still here."""
    try:
        answers = results.read(workspace, run)
    except MLError:
        return []
    chosen = [answers.hashes[place] for place in answers.examples(EXAMPLES).tolist()]
    return [digest for digest in chosen if picture_path(workspace, digest).is_file()]
