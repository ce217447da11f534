"""Home: one obvious thing to do whatever has been done, and the last runs."""

from streamlit.testing.v1 import AppTest

from dashboard.server.static import ROOT
from dashboard.state import deep_links
from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from ml.runs import trash
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words


def test_an_empty_workspace_offers_one_thing_to_do(workspace: Workspace) -> None:
    at = visit("home")
    labels = [button.label for button in at.main.button]
    assert labels == ["Train on these photos", "Use your own pictures"]
    assert [button.proto.type for button in at.main.button] == ["primary", "secondary"]
    assert "600 photos" in words(at)
    for name in ("cardboard", "glass", "metal", "paper", "plastic", "trash"):
        assert name in words(at)


def test_a_usable_classifier_is_to_be_tried(workspace: Workspace) -> None:
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    at = visit("home")
    at.button(key="start").click().run()
    assert not at.exception
    assert stored_in(at.session_state, Selection).run == run.id


def test_recent_runs_show_status_and_score_with_its_interval(workspace: Workspace) -> None:
    version = made_up_runs.dataset(workspace)
    run = made_up_runs.finished(workspace, version, name="Mine <b>*bold*</b>")
    made_up_runs.interrupted(workspace, version)
    made_up_runs.queued(workspace, version)
    at = visit("home")
    text = words(at)
    low, high = (run.report or {})["intervals"]["accuracy"]
    assert f"({100 * low:.0f} to {100 * high:.0f})" in text
    assert all(word in text for word in ("Finished", "Interrupted", "Waiting"))
    assert "<b>" not in text.replace("&lt;b&gt;", "")
    assert at.button(key=f"open-{run.id}").label == r"Mine \<b\>\*bold\*\</b\>"


def test_no_more_than_a_few_runs_are_listed_and_the_rest_is_a_click_away(
    workspace: Workspace,
) -> None:
    version = made_up_runs.dataset(workspace)
    for _ in range(7):
        made_up_runs.interrupted(workspace, version)
    at = visit("home")
    assert sum(str(button.key).startswith("open-") for button in at.main.button) == 5
    assert at.button(key="all-runs")


def test_a_damaged_run_does_not_break_the_page(workspace: Workspace) -> None:
    run = made_up_runs.interrupted(workspace, made_up_runs.dataset(workspace))
    (run.folder / "config.json").write_text("{")
    (run.folder / "meta.json").write_text("[]")
    assert run.id in str(visit("home").button(key=f"open-{run.id}").label).replace("\\", "")


def test_a_run_that_is_gone_is_forgotten(workspace: Workspace) -> None:
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    trash.delete(workspace, run)
    at = visit("train", run.id)
    assert "run" not in at.query_params
    assert at.title[0].value == "Train"
    assert at.button(key="train")
    assert deep_links.link("pages/train.py", "x") == "train?run=x"


def test_workspace_renamed_under_the_server_is_told_and_not_made_anew(workspace):
    visit("home")
    renamed = workspace.root.with_name("renamed")
    workspace.root.rename(renamed)
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30).run()
    assert not at.exception
    assert "is not there any more" in words(at)
    assert not workspace.root.exists()
    renamed.rename(workspace.root)
