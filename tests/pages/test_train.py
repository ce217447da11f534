"""Train without a browser: the form, what it starts, and each status with what it offers."""

import errno
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.state.keys import ADVANCED_FOLD
from dashboard.workers import engine
from ml import presets
from ml.commands import train as train_command
from ml.config import GRADIENT_SETTINGS, TrainConfig
from ml.data import catalog
from ml.data.edits import edits
from ml.runs import folder as runs
from ml.runs.folder import Run, list_runs
from ml.text import command_line
from ml.utils.files import explain_os_error
from ml.workspace import Workspace
from tests.dashboard.workers.test_dispatcher import take_up
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words


def figures(at: AppTest) -> dict[str, Any]:
    """The figures of the charts on the page, by key."""
    return {
        item.proto.id.rsplit("-chart-", 1)[1]: json.loads(json.loads(item.proto.json)["figure"])
        for item in at.get("bidi_component")
    }


def chosen(workspace: Workspace, name: str = "made") -> AppTest:
    """The form with the data set of that name in hand."""
    return visit("train").selectbox(key="dataset").set_value(name).run()


def test_the_form_needs_no_choice_and_has_one_primary_button(workspace: Workspace) -> None:
    at = visit("train")
    primary = [button.label for button in at.button if button.proto.type == "primary"]
    assert primary == ["Train"]
    assert "about" in words(at)
    assert "of memory" in words(at)
    assert at.code[0].value == "python -m ml train --dataset recycling"


def opened(at: AppTest) -> AppTest:
    """With the fold of the advanced settings open."""
    at.session_state[ADVANCED_FOLD] = True
    return at.run()


def test_the_advanced_settings_are_drawn_only_when_they_are_looked_at(
    workspace: Workspace,
) -> None:
    at = visit("train")
    assert not at.number_input
    assert opened(at).number_input


def opened_by_gradient(at: AppTest) -> AppTest:
    """A page whose settings are open, with those of gradient steps."""
    return opened(at).selectbox(key="field-head").set_value("gradient").run()


def test_a_regression_shows_no_setting_that_has_no_effect_on_it(workspace: Workspace) -> None:
    at = opened(visit("train"))
    keys = {widget.key for widget in (*at.selectbox, *at.number_input)}
    assert "field-head" in keys
    assert not keys & {f"field-{name}" for name in GRADIENT_SETTINGS}
    at.toggle(key="field-freeze_backbone").set_value(False).run()
    keys = {widget.key for widget in (*at.selectbox, *at.number_input)}
    assert "field-head" not in keys
    assert keys >= {f"field-{name}" for name in GRADIENT_SETTINGS}


def test_every_setting_has_a_widget_with_its_help(workspace: Workspace) -> None:
    at = opened_by_gradient(visit("train"))
    for item in fields(TrainConfig):
        if item.name in command_line.BASICS or item.metadata["shell"]:
            continue
        widgets = (*at.selectbox, *at.number_input, *at.toggle)
        fields_shown = [widget for widget in widgets if widget.key == f"field-{item.name}"]
        assert len(fields_shown) == 1, item.name
        assert fields_shown[0].help == item.metadata["help"]


def test_train_queues_exactly_what_the_presets_say(workspace: Workspace) -> None:
    made_up_runs.dataset(workspace)
    at = chosen(workspace)
    at.button(key="train").click().run()
    assert not at.exception
    (run,) = list_runs(workspace)
    info = catalog.describe(workspace, "made")
    assert run.config == presets.configuration("made", info)
    assert run.dataset["fingerprint"] == catalog.resolve(workspace, "made").fingerprint
    assert run.status.name == "queued"
    assert at.query_params["run"] == run.id
    assert "Waiting for its turn" in words(at)


def test_a_changed_setting_is_marked_trained_with_and_can_be_reset(workspace: Workspace) -> None:
    made_up_runs.dataset(workspace)
    at = opened_by_gradient(chosen(workspace))
    at.number_input(key="field-epochs").set_value(7).run()
    at.selectbox(key="field-optimizer").set_value("sgd").run()
    assert "changed" in at.number_input(key="field-epochs").label
    assert "3 settings changed" in words(at)
    command = at.code[0].value
    assert "--epochs 7" in command
    assert "--set optimizer=sgd" in command
    at.button(key="reset-optimizer").click().run()
    assert "optimizer" not in at.code[0].value
    at.button(key="train").click().run()
    assert list_runs(workspace)[0].config.epochs == 7


def test_a_value_set_back_by_hand_is_not_a_change(workspace: Workspace) -> None:
    at = opened(visit("train"))
    before = at.number_input(key="field-epochs").value
    at.number_input(key="field-epochs").set_value(before + 1).run()
    at.number_input(key="field-epochs").set_value(before).run()
    assert "changed" not in at.number_input(key="field-epochs").label
    assert at.code[0].value == "python -m ml train --dataset recycling"


def test_another_preset_moves_what_was_not_chosen_by_hand(workspace: Workspace) -> None:
    at = opened_by_gradient(visit("train"))
    at.number_input(key="field-batch_size").set_value(17).run()
    slow = at.number_input(key="field-epochs").value
    at.button_group(key="preset").set_value("quick").run()
    assert at.number_input(key="field-epochs").value < slow
    assert at.number_input(key="field-batch_size").value == 17


@pytest.mark.parametrize(
    ("name", "kind", "value", "moved"),
    [
        ("minutes", "number_input", 2.0, ["epochs", "feature_views"]),
        ("freeze_backbone", "toggle", False, ["batch_size"]),
    ],
)
def test_the_fields_show_what_a_change_of_another_makes_of_them(
    workspace: Workspace, name: str, kind: str, value: Any, moved: list[str]
) -> None:
    def field(one: str, kind: str = "number_input") -> Any:
        return getattr(at, kind)(key=f"field-{one}")

    at = opened_by_gradient(visit("train"))
    before = {one: field(one).value for one in moved}
    field(name, kind).set_value(value).run()
    config = presets.configuration(
        "recycling",
        catalog.describe(workspace, "recycling"),
        **{"head": "gradient", name: value},
    )
    assert {one: field(one).value for one in moved} == {one: getattr(config, one) for one in moved}
    assert all(field(one).value != before[one] for one in moved)
    assert all("changed" not in field(one).label for one in moved)
    assert "changed" in field(name, kind).label
    at.button(key=f"reset-{name}").click().run()
    assert {one: field(one).value for one in moved} == before


def test_the_strip_shows_the_classes_as_they_are_now(workspace: Workspace) -> None:
    made = made_up_runs.dataset(workspace)
    assert made.classes[0] in words(chosen(workspace))
    renamed = {"do": "rename_class", "old": made.classes[0], "new": "otherwise"}
    edits.commit(workspace, made.name, [renamed], base=made.version)
    strip = next(one.body for one in chosen(workspace).get("html") if "lens-strip" in one.body)
    assert "otherwise" in strip


@pytest.mark.parametrize(
    "changed",
    [{}, {"epochs": 3}, {"model": "small_cnn", "learning_rate": 0.02, "pretrained": False}],
)
@pytest.mark.parametrize("preset", ["quick", "balanced", "thorough"])
def test_the_command_to_copy_trains_the_very_same(
    workspace: Workspace, changed: dict[str, Any], preset: str
) -> None:
    made_up_runs.dataset(workspace)
    info = catalog.describe(workspace, "made")
    config = presets.configuration("made", info, **{**changed, "preset": preset})
    import argparse
    import shlex

    parser = argparse.ArgumentParser()
    train_command.add_arguments(parser)
    words_typed = shlex.split(command_line.command(config, changed))
    args = parser.parse_args(words_typed[words_typed.index("train") + 1 :])
    wanted = train_command.settings(args)
    assert presets.configuration(wanted.pop("dataset"), info, **wanted) == config


def test_a_finished_run_gives_its_result_with_interval_and_baseline(workspace: Workspace) -> None:
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    at = visit("train", run.id)
    assert "Finished" in words(at)
    assert "on 30 test pictures. Guessing the biggest class gets 33 %." in words(at)
    buttons = {button.label: button.proto.type for button in at.main.button}
    assert buttons["Look at its mistakes"] == "primary"
    assert {"Try it on a picture", "Train 1 more epoch"} <= buttons.keys()
    drawn = figures(at)
    assert set(drawn) == {"loss", "accuracy"}
    assert drawn["loss"]["data"][1]["x"] == [1, 2, 3]


STATES = {
    "failed": ("Retry with the same settings", {"Resume"}),
    "interrupted": ("Resume", {"Retry with the same settings"}),
    "stopped": ("Resume", {"Retry with the same settings"}),
}


@pytest.mark.parametrize("name", STATES)
def test_a_run_that_broke_off_says_why_and_offers_to_go_on(workspace: Workspace, name: str) -> None:
    version = made_up_runs.dataset(workspace)
    reason = "The loss became infinite."
    run = (
        made_up_runs.interrupted(workspace, version)
        if name == "interrupted"
        else made_up_runs.ended_without_model(workspace, version, name, reason)
    )
    at = visit("train", run.id)
    assert name.capitalize() in words(at)
    assert run.status.reason in words(at)
    primary, others = STATES[name]
    buttons = {button.label: button.proto.type for button in at.main.button}
    assert buttons[primary] == "primary"
    assert others <= buttons.keys()


def test_a_stopped_run_with_a_model_leads_to_its_mistakes_first(workspace: Workspace) -> None:
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace), outcome="stopped")
    at = visit("train", run.id)
    buttons = {button.label: button.proto.type for button in at.main.button}
    assert [label for label, kind in buttons.items() if kind == "primary"] == [
        "Look at its mistakes"
    ]
    assert "Resume" in buttons


def test_retry_makes_a_new_run_with_the_same_settings(workspace: Workspace) -> None:
    version = made_up_runs.dataset(workspace)
    run = made_up_runs.ended_without_model(workspace, version, "failed", "It was too much.")
    at = visit("train", run.id)
    at.button(key="retry").click().run()
    assert not at.exception
    again = list_runs(workspace)[-1]
    assert again.id != run.id
    assert again.config == run.config
    assert again.dataset == run.dataset
    assert again.meta["parent"] == run.id


def test_resume_puts_the_run_into_the_queue_again(workspace: Workspace) -> None:
    run = made_up_runs.interrupted(workspace, made_up_runs.dataset(workspace))
    at = visit("train", run.id)
    at.button(key="resume").click().run()
    assert not at.exception
    assert run.status.name == "queued"


def test_the_place_in_the_queue_is_shown_and_a_run_can_leave_it(workspace: Workspace) -> None:
    version = made_up_runs.dataset(workspace)
    made_up_runs.queued(workspace, version)
    run = made_up_runs.queued(workspace, version)
    at = visit("train", run.id)
    assert "1 run before it" in words(at)
    at.button(key="cancel").click().run()
    assert not at.exception
    assert not run.folder.exists()
    assert engine.with_status(workspace, "queued") != []


def test_stop_asks_and_says_so(workspace: Workspace) -> None:
    run = made_up_runs.queued(workspace, made_up_runs.dataset(workspace))
    take_up(run)
    at = visit("train", run.id)
    at.button(key="stop").click().run()
    assert (run.folder / "stop").exists()
    at.run()
    assert "Stopping" in words(at)
    assert "stop" not in {button.key for button in at.button}


def test_a_start_that_failed_shows_the_last_line_of_the_log(workspace: Workspace) -> None:
    run: Run = made_up_runs.queued(workspace, made_up_runs.dataset(workspace))
    run.refuse("The training ended before it began. It said: No module named torch")
    at = visit("train", run.id)
    assert "No module named torch" in words(at)
    labels = [button.label for button in at.main.button]
    assert "Retry with the same settings" in labels
    assert "Resume" not in labels


def test_a_folder_that_is_not_there_is_told_in_a_sentence(workspace: Workspace) -> None:
    at = visit("train")
    at.text_input(key="folder").set_value("/no/such/folder").run()
    assert not at.exception
    assert "There is no folder" in at.warning[0].value


def test_no_folder_is_asked_for_in_public_mode(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_PUBLIC", "1")
    assert not visit("train").text_input


def test_the_log_is_read_only_when_it_is_opened(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(engine, "log_tail", lambda run, lines=200: asked.append(run.id) or "")
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    visit("train", run.id)
    assert asked == []


def test_the_picker_tells_runs_of_the_same_name_apart(workspace: Workspace) -> None:
    version = made_up_runs.dataset(workspace)
    first, second = (made_up_runs.queued(workspace, version, name="Same") for _ in range(2))
    at = visit("train", second.id)
    options = at.selectbox(key="train-run").options
    assert len(set(options)) == 2
    at.selectbox(key="train-run").set_value(first.id).run()
    assert at.query_params["run"] == first.id


def test_a_full_disk_is_told_in_a_sentence_and_leaves_no_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up_runs.dataset(workspace)
    at = chosen(workspace)

    def full(path: Path, value: object) -> None:
        raise explain_os_error(OSError(errno.ENOSPC, "No space left on device"), path)

    monkeypatch.setattr(runs, "write_json", full)
    at.button(key="train").click().run()
    assert not at.exception
    assert "The disk is full" in at.error[0].value
    assert list_runs(workspace) == []
