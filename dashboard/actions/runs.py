"""Actions on runs: rename, note, stop, resume, retry, delete with undo, restore, empty the trash.

The buttons are in ``dashboard.components.runs``: ``run_row`` and ``trash``.
"""

from collections.abc import Callable, Mapping
from functools import partial

from dashboard.state import selection
from dashboard.state.messages import DELETED_RUNS, RUNS_ERROR
from dashboard.workers import engine
from ml.errors import MLError
from ml.runs import trash
from ml.runs.folder import Run
from ml.runs.names import free_name, naming, title_of_dataset
from ml.workspace import Workspace


def update_meta(workspace: Workspace, identifier: str, field: str, text: str) -> None:
    """Write the ``name`` or the ``notes`` of a run. A name that another run has gets a number, and
    an empty one is that of the data set."""
    run = Run(workspace.runs / identifier)

    def write() -> None:
        if field != "name":
            return run.update_meta(**{field: text})
        with naming(workspace):
            wanted = text or title_of_dataset(run.config.dataset)
            run.update_meta(name=free_name(workspace, wanted, apart_from=identifier))

    _report_error(write)


def stop(workspace: Workspace, identifier: str) -> None:
    """Ask the training of a run to stop."""
    _report_error(lambda: engine.stop(workspace, Run(workspace.runs / identifier)))


def resume(workspace: Workspace, identifier: str) -> None:
    """Go on with the training of a run from its newest checkpoint."""
    _report_error(lambda: engine.resume(workspace, Run(workspace.runs / identifier)))


def retry(workspace: Workspace, identifier: str) -> None:
    """Start a new run with the settings of a run."""
    _report_error(lambda: engine.retry(workspace, Run(workspace.runs / identifier)))


def delete(workspace: Workspace, titles: Mapping[str, str]) -> None:
    """Move runs into the trash and let the undo bar offer them back. ``titles`` are by run id."""
    deleted: list[tuple[str, str]] = []

    def move(identifier: str, title: str) -> None:
        trash.delete(workspace, Run(workspace.runs / identifier))
        deleted.append((identifier, title))
        if selection.selected().run == identifier:
            selection.choose_run(None)

    for identifier, title in titles.items():
        _report_error(partial(move, identifier, title))
    if deleted:
        DELETED_RUNS.send(deleted)


def restore(workspace: Workspace, identifier: str) -> None:
    """Bring a run back from the trash."""
    _report_error(lambda: trash.restore(workspace, identifier))


def empty_trash(workspace: Workspace) -> None:
    """Delete for good what is in the trash; the undo bar has nothing to offer any more."""
    trash.empty_trash(workspace)
    DELETED_RUNS.take()


def _report_error(action: Callable[[], object]) -> None:
    """Call ``action``; the head of Runs shows the sentence of its error at the next drawing."""
    try:
        action()
    except MLError as error:
        RUNS_ERROR.send(str(error))
