"""The trash: deleted runs are brought back whole, or gone for good."""

from collections.abc import Callable

import pytest

from ml.errors import BadInputError
from ml.runs import trash
from ml.runs.folder import Run, list_runs
from ml.workspace import Workspace


def test_what_is_deleted_can_be_brought_back(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    run, other = make_run(), make_run()
    trash.delete(workspace, run)
    assert list_runs(workspace) == [other]
    assert [item.id for item in trash.trashed(workspace)] == [run.id]
    assert trash.restore(workspace, run.id) == run
    assert list_runs(workspace) == [run, other]
    assert trash.trashed(workspace) == []


@pytest.mark.parametrize("identifier", ["nothing", "", "..", "../runs"])
def test_what_is_not_in_the_trash_cannot_be_brought_back(
    identifier: str, workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    trash.delete(workspace, make_run())
    with pytest.raises(BadInputError, match="in the trash"):
        trash.restore(workspace, identifier)


def test_the_trash_is_emptied_for_good_and_nothing_else(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    run, other = make_run(), make_run()
    trash.delete(workspace, run)
    trash.empty_trash(workspace)
    trash.empty_trash(workspace)
    assert trash.trashed(workspace) == []
    assert list_runs(workspace) == [other]
