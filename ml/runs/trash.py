"""Trash of a workspace: deleted runs, until they are restored or deleted for good."""

import shutil

from ml.errors import BadInputError, MLError
from ml.runs.folder import Run
from ml.utils.files import explain_os_error
from ml.workspace import Workspace


def delete(workspace: Workspace, run: Run) -> None:
    """Move a run into the trash.

    Raises:
        MLError: it is being trained, or its folder cannot be moved.
    """
    if run.status.name == "running":
        raise MLError(f"Run {run.name} is being trained. Stop it before you delete it.")
    try:
        workspace.trash.mkdir(exist_ok=True)
        run.folder.rename(workspace.trash / run.id)
    except OSError as error:
        raise explain_os_error(error, run.folder) from error


def restore(workspace: Workspace, identifier: str) -> Run:
    """Bring a run back from the trash.

    Raises:
        BadInputError: it is not there.
    """
    if identifier not in {run.id for run in trashed(workspace)}:
        raise BadInputError(f"There is no run {identifier} in the trash.")
    try:
        (workspace.trash / identifier).rename(workspace.runs / identifier)
    except OSError as error:
        raise explain_os_error(error, workspace.runs / identifier) from error
    return Run(workspace.runs / identifier)


def trashed(workspace: Workspace) -> list[Run]:
    """The runs in the trash, damaged ones included, the oldest first."""
    return [Run(path) for path in sorted(workspace.trash.glob("[!.]*")) if path.is_dir()]


def empty_trash(workspace: Workspace) -> None:
    """Delete for good what is in the trash."""
    shutil.rmtree(workspace.trash, ignore_errors=True)
