"""The button of the coach: a new run with what it said, or more epochs; none where it cannot."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.train.coach_card import current_remark
from dashboard.queries.live import follow, new
from ml.evaluation import learning_curve
from ml.runs.folder import Run, list_runs
from ml.runs.status import Status
from ml.training.coach.rules import MORE_PICTURES
from ml.utils.files import write_json
from ml.workspace import Workspace
from tests.helpers import made_up_runs


def page(folder: str, note: dict) -> None:
    from pathlib import Path

    from dashboard.components.train.coach_card import coach_card
    from dashboard.queries.live import new
    from dashboard.workers import engine
    from ml.runs.folder import Run

    run = Run(Path(folder))
    coach_card({**new(run.id), "notes": [note]}, run, engine.status(run))


def shown(run: Run, **note: Any) -> AppTest:
    content = {"text": "Do <b>this</b>.", "level": "info", "code": "x", "change": {}, **note}
    return AppTest.from_function(page, args=(str(run.folder), content), default_timeout=30).run()


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LENSMITH_WORKSPACE", str(workspace.root))
    return made_up_runs.finished(workspace, made_up_runs.dataset(workspace))


def buttons(at: AppTest) -> list[str]:
    assert not at.exception
    return [button.label.replace("\\", "") for button in at.button]  # escaped for Markdown


def test_it_retries_with_the_change_and_nothing_else(run: Run, workspace: Workspace) -> None:
    at = shown(run, change={"learning_rate": 0.0001})
    assert buttons(at) == ["Retry with learning rate 0.0001"]
    at.button[0].click().run()
    made = list_runs(workspace)[-1]
    assert made.config == run.config.changed(learning_rate=0.0001)
    assert made.meta["parent"] == run.id
    assert made.dataset == run.dataset


def test_more_epochs_go_on_with_the_same_run(run: Run, workspace: Workspace) -> None:
    at = shown(run, change={"epochs": 6})
    assert buttons(at) == ["Train for 6 epochs"]
    at.button[0].click().run()
    assert run.meta["resume"]["epochs"] == 6
    assert len(list_runs(workspace)) == 1


def test_a_running_training_is_stopped_first(run: Run, workspace: Workspace) -> None:
    live = made_up_runs.working(workspace, made_up_runs.dataset(workspace, name="other"))
    assert buttons(shown(live, change={"epochs": 9})) == []
    at = shown(live, change={"augment": "strong"})
    assert buttons(at) == ["Stop, and retry with augmentation strong"]
    at.button[0].click().run()
    assert (live.folder / "stop").exists()
    assert list_runs(workspace)[-1].config.augment == "strong"


def test_there_is_no_button_where_there_is_nothing_to_change(run: Run, tmp_path: Path) -> None:
    at = shown(run, change={"unheard_of": 1})
    assert buttons(at) == []
    assert "&lt;b&gt;" in at.get("html")[0].proto.body


def test_with_too_few_pictures_the_curve_is_offered_and_told_once_measured(run: Run) -> None:
    about = {"code": "too_few_pictures", "text": f"90 % are right. {MORE_PICTURES}"}
    at = shown(run, **about)
    assert buttons(at) == ["Measure what more would bring"]
    assert MORE_PICTURES in at.html[0].value
    measured = learning_curve.recipe_of(run) | {
        "verdict": "little",
        "finding": "From 50 to 100 it gained 0.",
    }
    learning_curve.path_of(run).parent.mkdir(exist_ok=True)
    write_json(learning_curve.path_of(run), measured)
    at = shown(run, **about)
    assert buttons(at) == []
    assert "90 % are right. Measured: from 50 to 100 it gained 0." in at.html[0].value


def test_the_remark_is_on_the_training_as_it_stands_and_not_of_an_epoch_before(run: Run) -> None:
    state = new(run.id)
    follow(run.folder, state)
    stale = {"text": "You can stop now.", "level": "info", "code": "plateau", "change": {}}
    state["notes"] = [stale]
    over = current_remark(state, run, run.status)
    assert over is not None
    assert "stop" not in over["text"]
    going_on = current_remark({**state, "started": None, "ended": None}, run, Status("running"))
    assert going_on is None or going_on != stale
    broken = current_remark(state, run, Status("failed"))
    assert broken is None, "the reason of the failure says more"
    warning = stale | {"level": "warning", "text": "The learning rate is too high."}
    assert current_remark({**state, "notes": [warning]}, run, Status("failed")) == warning
