"""What ends by itself takes neither a press nor a window from whoever is at the page."""

import pytest

from ml.runs import trash
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

ASKED = "This cannot be undone."


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


@pytest.fixture
def busy(workspace, version):
    return made_up_runs.working(workspace, version)


@pytest.fixture
def gone(workspace, version):
    run = made_up_runs.finished(workspace, version)
    trash.delete(workspace, run)
    return run


def test_a_press_in_the_moment_in_which_a_training_ends_does_what_it_says(workspace, busy, gone):
    at = visit("runs")
    made_up_runs.end(busy)
    at.button(f"restore-{gone.id}").click().run()
    assert not at.exception
    assert not trash.trashed(workspace)
    assert gone.folder.exists()


def test_a_question_stays_when_a_training_ends_and_goes_with_its_answer(workspace, busy, gone):
    at = visit("runs")
    at.button("empty-trash").click().run()
    assert ASKED in words(at)
    made_up_runs.end(busy)
    at.run()
    assert ASKED in words(at)
    at.button("keep-trash").click().run()
    at.run()
    assert ASKED not in words(at)
    assert [run.id for run in trash.trashed(workspace)] == [gone.id]
    at.button("empty-trash").click().run()
    at.button("really-empty").click().run()
    at.run()
    assert ASKED not in words(at)
    assert not trash.trashed(workspace)


@pytest.mark.parametrize("other", ["home", "evaluate"])  # the second has nothing to show and stops
def test_a_question_does_not_wait_on_a_page_that_was_left(gone, other):
    at = visit("runs")
    at.button("empty-trash").click().run()
    at.switch_page(f"pages/{other}.py").run()
    at.switch_page("pages/runs.py").run()
    assert not at.exception
    assert ASKED not in words(at)
    at.button("empty-trash").click().run()
    assert ASKED in words(at)
