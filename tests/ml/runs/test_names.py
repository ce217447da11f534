"""Names of runs: human, each once in a workspace, whoever makes or renames them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.actions import runs as run_actions
from ml.runs import trash
from ml.runs.folder import Run
from ml.runs.names import free_name, title_of_dataset
from ml.training.start import start
from ml.workspace import Workspace
from tests.helpers import made_up_runs


@pytest.fixture
def begin(workspace: Workspace) -> Callable[..., Run]:
    first = made_up_runs.finished(workspace, made_up_runs.dataset(workspace), name="Mine")
    return lambda name="": start(workspace, first.config, first.dataset, name=name)


def test_runs_are_called_after_their_data_set_and_numbered(begin: Callable[..., Run]) -> None:
    assert [begin().name for _ in range(3)] == ["Made", "Made 2", "Made 3"]
    assert [begin(name="Mine").name for _ in range(2)] == ["Mine 2", "Mine 3"]


def test_a_run_in_the_trash_keeps_its_name(begin: Callable[..., Run], workspace: Workspace) -> None:
    trash.delete(workspace, begin())
    assert begin().name == "Made 2"


def test_runs_made_at_the_same_moment_get_different_names(begin: Callable[..., Run]) -> None:
    with ThreadPoolExecutor(4) as pool:
        names = [run.name for run in pool.map(lambda _: begin(), range(8))]
    assert len(set(names)) == 8


def test_a_rename_to_a_name_that_is_taken_gets_a_number(
    begin: Callable[..., Run], workspace: Workspace
) -> None:
    run = begin()
    run_actions.update_meta(workspace, run.id, "name", "mine")
    assert run.name == "mine 2"
    run_actions.update_meta(workspace, run.id, "name", "mine 2")
    assert run.name == "mine 2", "its own name is free to it"
    run_actions.update_meta(workspace, run.id, "name", "")
    assert run.name == "Made", "an emptied name is the usual one, not an id"


@pytest.mark.parametrize(
    ("dataset", "title"),
    [("flowers-messy", "Flowers messy"), ("हिन्दी-फूल", "हिन्दी फूल"), ("x", "X"), ("花", "花")],
)
def test_the_title_of_a_set_keeps_its_script(dataset: str, title: str) -> None:
    assert title_of_dataset(dataset) == title


def test_a_free_name_is_the_wanted_one(workspace: Workspace) -> None:
    assert free_name(workspace, "Flowers 7") == "Flowers 7"
