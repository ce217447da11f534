"""The Runs page, driven without a browser."""

import pytest

from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from dashboard.workers import engine
from ml.runs import folder as runs
from ml.runs import trash
from ml.runs.folder import Run
from ml.runs.status import Status
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

HOSTILE = "<script>alert(1)</script> **x** [a](javascript:b)"


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


def listed(at):
    """The ids of the runs in the order of the page."""
    keys = [button.key or "" for button in at.main.button]
    return [key.removeprefix("open-") for key in keys if key.startswith("open-")]


def test_an_empty_workspace_leads_to_training(workspace):
    at = visit("runs")
    assert "No runs yet" in words(at)
    assert [button.label for button in at.main.button] == ["Train a classifier"]


def test_every_run_is_listed_with_status_and_score(workspace, version):
    good = made_up_runs.finished(workspace, version, name="Good")
    made_up_runs.ended_without_model(workspace, version, "failed", "The loss became infinite.")
    made_up_runs.interrupted(workspace, version)
    made_up_runs.queued(workspace, version)
    text = words(visit("runs"))
    for expected in ("Finished", "Failed", "Interrupted", "Waiting", "The loss became infinite."):
        assert expected in text
    low, high = good.report["intervals"]["accuracy"]
    score = f"{100 * good.report['accuracy']:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    assert score in text


def test_the_order_is_the_one_that_was_chosen(workspace, version):
    weak = made_up_runs.finished(workspace, version, validation={"accuracy": 0.6})
    strong = made_up_runs.finished(workspace, version, validation={"accuracy": 0.8})
    newest = made_up_runs.queued(workspace, version)
    at = visit("runs")
    assert listed(at) == [newest.id, strong.id, weak.id]
    at.selectbox("runs-sort").select("Best on validation first").run()
    assert listed(at) == [strong.id, weak.id, newest.id]
    at.selectbox("runs-sort").select("Oldest first").run()
    assert listed(at) == [weak.id, strong.id, newest.id]


def test_a_run_is_renamed_in_its_place(workspace, version):
    run = made_up_runs.finished(workspace, version)
    at = visit("runs")
    at.get("menu_button")[0].click("Rename").run()
    assert not at.exception
    at.text_input(f"name-{run.id}").set_value(HOSTILE).run()
    assert not at.exception
    assert run.name == HOSTILE
    assert not at.text_input
    for item in [*at.html, *at.markdown]:
        assert "<script>" not in item.value
    assert "\\*\\*x\\*\\*" in at.button(f"open-{run.id}").label


def test_a_note_is_kept_and_shown(workspace, version):
    run = made_up_runs.finished(workspace, version)
    at = visit("runs")
    at.get("menu_button")[0].click("Write a note").run()
    at.text_input(f"notes-{run.id}").set_value("Too <b>dark</b>").run()
    assert run.meta["notes"] == "Too <b>dark</b>"
    assert "Too &lt;b&gt;dark&lt;/b&gt;" in words(at)


def test_a_deletion_can_be_undone(workspace, version):
    run = made_up_runs.finished(workspace, version)
    at = visit("runs", run.id)
    at.get("menu_button")[0].click("Delete").run()
    assert not at.exception
    assert not run.folder.exists()
    assert listed(at) == []
    assert stored_in(at.session_state, Selection).run is None
    assert not at.info, "nobody is told that what they deleted is gone"
    at.button("undo").click().run()
    assert not at.exception
    assert listed(at) == [run.id]
    assert run.report


def test_a_run_comes_back_from_the_trash_after_a_restart(workspace, version):
    run = made_up_runs.finished(workspace, version)
    trash.delete(workspace, run)
    at = visit("runs")
    at.button(f"restore-{run.id}").click().run()
    assert listed(at) == [run.id]


def test_the_trash_is_emptied_only_after_a_question(workspace, version):
    for _ in range(2):
        trash.delete(workspace, made_up_runs.finished(workspace, version))
    at = visit("runs")
    at.button("empty-trash").click().run()
    assert not at.exception
    assert "deleted for good" in words(at)
    assert len(trash.trashed(workspace)) == 2


def test_several_runs_are_deleted_and_brought_back_together(workspace, version):
    made = [made_up_runs.finished(workspace, version) for _ in range(3)]
    at = visit("runs")
    for run in made[:2]:
        at.checkbox(f"chosen-{run.id}").check()
    at.run()
    at.button("delete-chosen").click().run()
    assert listed(at) == [made[2].id]
    at.button("undo").click().run()
    assert set(listed(at)) == {run.id for run in made}


def test_a_running_run_cannot_be_deleted(workspace, version, monkeypatch):
    made_up_runs.queued(workspace, version)
    monkeypatch.setattr(Run, "status", property(lambda _: Status("running")))
    monkeypatch.setattr(engine, "status", lambda _: Status("running"))
    at = visit("runs")
    assert "Delete" not in at.get("menu_button")[0].options
    assert "Stop" in at.get("menu_button")[0].options


def test_a_damaged_folder_is_listed_can_be_deleted_and_comes_back(workspace, version):
    good = made_up_runs.finished(workspace, version)
    bad = made_up_runs.finished(workspace, version, name="Bad")
    (bad.folder / "config.json").unlink()
    at = visit("runs")
    assert listed(at) == [good.id]
    assert "Damaged" in words(at)
    menu = next(item for item in at.get("menu_button") if item.key == f"menu-{bad.id}")
    assert menu.options == ["Delete"]
    menu.click("Delete").run()
    assert not bad.folder.exists()
    at.button("undo").click().run()
    assert bad.folder.exists()


@pytest.mark.parametrize("action", ["Resume", "Retry with the same settings"])
def test_a_failed_run_goes_on_or_starts_anew(workspace, version, action):
    run = made_up_runs.ended_without_model(workspace, version, "failed", "It went wrong.")
    at = visit("runs")
    at.get("menu_button")[0].click(action).run()
    assert not at.exception
    if action == "Resume":
        assert run.status.name == "queued"
    else:
        new = next(other for other in runs.list_runs(workspace) if other.id != run.id)
        assert (new.status.name, new.config) == ("queued", run.config)
        assert new.meta["parent"] == run.id


def test_two_chosen_runs_are_laid_over_one_another(workspace, version):
    first = made_up_runs.finished(workspace, version, name="First", epochs=3)
    second = made_up_runs.finished(workspace, version, name="Second", epochs=5, optimizer="sgd")
    at = visit("runs")
    at.checkbox(f"chosen-{first.id}").check()
    at.checkbox(f"chosen-{second.id}").check().run()
    assert not at.exception
    table = at.table[0].value
    rows = {row[0]: list(row[1:]) for row in table.itertuples(index=False)}
    assert rows["Epochs"] == ["5", "3"]
    assert rows["Optimizer"] == ["sgd", "adamw"]
    assert "Learning rate" not in rows
    assert rows["Accuracy"][0].startswith(f"{100 * second.report['accuracy']:.0f} %")
