"""Actions on runs change the workspace, tell the pages by messages, and report their errors."""

import pytest
import streamlit as st

from dashboard.actions import runs
from dashboard.state import selection
from dashboard.state.messages import DELETED_RUNS, RUNS_ERROR
from ml.runs import trash
from ml.runs.folder import Run, list_runs
from tests.helpers import made_up_runs
from tests.helpers.session_memory import memory


@pytest.fixture(autouse=True)
def _tab(monkeypatch, workspace):
    monkeypatch.setattr(st, "session_state", memory(workspace))


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


@pytest.fixture
def run(workspace, version):
    return made_up_runs.finished(workspace, version, made_up_runs.predictions(version), "First")


def ids(listed):
    return [one.id for one in listed]


def test_a_name_and_notes_are_written_into_the_run(workspace, run):
    runs.update_meta(workspace, run.id, "name", "Better")
    runs.update_meta(workspace, run.id, "notes", "with more light")
    meta = Run(run.folder).meta
    assert (meta["name"], meta["notes"]) == ("Better", "with more light")
    assert RUNS_ERROR.take() is None


def test_a_deleted_run_is_offered_back_and_no_longer_selected(workspace, run):
    selection.choose_run(run.id)
    runs.delete(workspace, {run.id: "First"})
    assert ids(list_runs(workspace)) == []
    assert ids(trash.trashed(workspace)) == [run.id]
    assert DELETED_RUNS.peek() == [(run.id, "First")]
    assert selection.selected().run is None
    runs.restore(workspace, run.id)
    assert ids(list_runs(workspace)) == [run.id]
    assert trash.trashed(workspace) == []


def test_deleting_another_run_leaves_the_selection(workspace, version, run):
    other = made_up_runs.interrupted(workspace, version, "Second")
    selection.choose_run(run.id)
    runs.delete(workspace, {other.id: "Second"})
    assert selection.selected().run == run.id


def test_a_run_in_training_is_not_deleted_and_the_others_are(workspace, version, run):
    busy = made_up_runs.working(workspace, version, "Busy")
    runs.delete(workspace, {busy.id: "Busy", run.id: "First"})
    assert ids(list_runs(workspace)) == [busy.id]
    assert DELETED_RUNS.take() == [(run.id, "First")]
    assert "is being trained. Stop it before" in (RUNS_ERROR.take() or "")
    made_up_runs.end(busy)


def test_an_error_becomes_a_message_for_the_head_of_runs(workspace, run):
    runs.restore(workspace, "no-such-run")
    assert RUNS_ERROR.take() == "There is no run no-such-run in the trash."
    assert RUNS_ERROR.take() is None
    assert DELETED_RUNS.take() is None


def test_emptying_the_trash_takes_the_undo_away(workspace, run):
    runs.delete(workspace, {run.id: "First"})
    runs.empty_trash(workspace)
    assert trash.trashed(workspace) == []
    assert DELETED_RUNS.peek() is None
    runs.restore(workspace, run.id)
    assert f"There is no run {run.id} in the trash." == RUNS_ERROR.take()


def test_a_retry_is_a_queued_run_with_the_same_settings(workspace, run):
    runs.retry(workspace, run.id)
    (retried,) = [one for one in list_runs(workspace) if one.id != run.id]
    assert retried.status.name == "queued"
    assert retried.config == run.config
    assert retried.dataset == run.dataset
    assert retried.meta["parent"] == run.id


def test_a_resumed_run_waits_in_the_queue_and_a_stop_takes_it_out(workspace, version):
    run = made_up_runs.interrupted(workspace, version)
    runs.resume(workspace, run.id)
    assert Run(run.folder).status.name == "queued"
    runs.stop(workspace, run.id)
    assert ids(list_runs(workspace)) == []
    assert ids(trash.trashed(workspace)) == [run.id]


def test_a_stop_asks_the_run_in_training(workspace, version):
    busy = made_up_runs.working(workspace, version)
    runs.stop(workspace, busy.id)
    assert busy.status.name == "running"
    assert busy.status.stopping
    made_up_runs.end(busy)
