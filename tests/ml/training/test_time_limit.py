"""A limit of time plans what has room, ends the schedule, and is kept through a resume."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.callbacks import Callback

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.errors import StoppedError
from ml.presets import configuration
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd, Note, RunStarted
from ml.runs.folder import Run
from ml.training import dry_run, time_limit
from ml.training.callbacks import STOPPED
from ml.training.cost.estimate import HEAD_ROWS, OF_EPOCH
from ml.training.optim.lr_schedule import END
from ml.training.time_limit import whole_epochs
from ml.training.train import train
from ml.workspace import Workspace
from tests.helpers.trained import dataset
from tests.ml.test_presets import TINY, Info
from tests.ml.training.test_train import SETTINGS, noise, of, start, weights  # noqa: F401

AFTER = 0.5


class StopAt(Callback):
    """Stops as somebody who asks for it does, after so many steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Any, *about: Any) -> None:
        if trainer.global_step == self.step:
            raise StoppedError(STOPPED)


@given(
    seconds=st.floats(0, 1e4),
    batches=st.integers(1, 1000),
    step=st.floats(1e-3, 2),
    after=st.floats(0, 20),
    most=st.integers(1, 100),
)
def test_what_is_planned_fits_and_one_batch_more_would_not(
    seconds: float, batches: int, step: float, after: float, most: int
) -> None:
    epochs, part = whole_epochs(seconds, batches, step, after, most)
    assert 1 <= epochs <= most
    assert 0 <= part <= batches
    took = epochs * ((part or batches) * step + after)
    if part != 1:  # which there always is
        assert took <= seconds * (1 + 1e-6) + 1e-6
    if part and part < batches:
        assert took + epochs * step > seconds * (1 - 1e-6)
    if not part and epochs < most:
        assert took + batches * step + after > seconds * (1 - 1e-6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the computer is said to take, and how long the process has lived. 84 training pictures
    are 11 batches of 8; at these figures there is time for 3 epochs of 9 batches each."""
    figures: dict[str, Any] = {"spent": 0.0, "step": 0.125, "measured": 0}
    monkeypatch.setattr(time_limit, "seconds_spent", lambda: figures["spent"])
    monkeypatch.setattr(time_limit, "_ending", lambda *about: 0.0)

    def steps(*about: Any) -> dict[str, float]:
        figures["measured"] += 1
        return {"step": figures["step"], "validate": (AFTER - OF_EPOCH) / 18}

    monkeypatch.setattr(dry_run, "steps", steps)
    return figures


LIMITED = {"epochs": 50, "minutes": 3 * (9.5 + AFTER) / 60 / (1 - time_limit.MARGIN)}


def test_the_schedule_ends_in_the_planned_time_also_after_a_resume(
    workspace: Workspace,
    start: Any,  # noqa: F811
    clock: dict[str, Any],
) -> None:
    uninterrupted = start(**LIMITED)
    assert train(workspace, uninterrupted).outcome == "finished"
    (begun,) = of(uninterrupted, RunStarted)
    assert (begun.epochs, begun.steps_per_epoch) == (3, 9)
    assert [event.step for event in of(uninterrupted, EpochEnd)] == [9, 18, 27]
    assert of(uninterrupted, EpochEnd)[-1].learning_rate == pytest.approx(
        END * uninterrupted.config.learning_rate, rel=0.5
    )
    assert (
        of(uninterrupted, Note)[0].text
        == "There is time for 3 epochs, each over 82 % of the pictures."
    )

    run = start(**LIMITED)
    assert train(workspace, run, callbacks=[StopAt(12)]).outcome == "stopped"
    clock |= {"step": 0.001, "spent": 0.0}  # who goes on keeps to the plan
    queue.claim(run, resume=True)
    assert train(workspace, run).outcome == "finished"
    assert clock["measured"] == 2
    assert weights(run) == weights(uninterrupted)

    assert (run.epochs, run.without_limit.epochs, run.without_limit.minutes) == (3, 3, 0.0)
    run.ask_to_resume(4)
    queue.claim(run)
    assert train(workspace, run).epochs == 4
    assert of(run, EpochEnd)[-1].step == 36


def test_on_a_slower_computer_the_run_ends_in_time_with_a_model(
    workspace: Workspace,
    start: Any,  # noqa: F811
    clock: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = itertools.count()
    monkeypatch.setattr(time_limit, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(time_limit, "seconds_spent", lambda: 3.0 * next(calls))  # 3 s a step
    run = start(**LIMITED)
    ended = train(workspace, run)
    assert (ended.outcome, run.model is not None) == ("finished", True)
    last = of(run, EpochEnd)[-1].step
    assert 8 <= last <= 11
    assert any("The time was over after" in note.text for note in of(run, Note))
    run.ask_to_resume(3)
    queue.claim(run)
    assert train(workspace, run).outcome == "finished"


def test_of_a_frozen_network_as_many_views_are_taken_as_there_is_time_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = dataset(workspace, "noise", each=20)
    monkeypatch.setattr(time_limit, "seconds_spent", lambda: 0.0)
    monkeypatch.setattr(time_limit, "_ending", lambda *about: 0.0)
    monkeypatch.setattr(dry_run, "seconds_of", lambda *about: 32.0)  # 1 s a picture
    wanted = {"dataset": "noise", "image_size": 32, "threads": 1, "device": "cpu", "epochs": 6}
    wanted |= {"feature_views": 5}
    head = 6 * (3 * 42 / HEAD_ROWS + OF_EPOCH)
    wanted["minutes"] = (60 + 2 * 42 + head + 20) / 60 / (1 - time_limit.MARGIN)  # not a third view
    made: list[Run] = []
    for _ in "ab":
        config = TrainConfig(**wanted)
        run = runs.create(workspace, config, run_record(version, 0))
        queue.claim(run)
        assert train(workspace, run).outcome == "finished"
        made.append(run)
    first, again = (of(run, RunStarted)[0] for run in made)
    assert (first.choices["views"], first.epochs) == (3, 6)
    assert len(list(Path(workspace.features).glob("*/view-*"))) == 5
    assert again.choices["views"] == 5  # three are kept, and there is time for the others


def test_a_time_limit_raises_the_epochs_unless_they_are_given() -> None:
    for info in (Info(), TINY):
        plain = configuration("d", info)
        limited = configuration("d", info, minutes=2)
        assert limited.epochs > plain.epochs
        assert limited.changed(epochs=plain.epochs, feature_views=plain.feature_views) == (
            plain.changed(minutes=2)
        )
    assert configuration("d", Info(), minutes=2, head="gradient").feature_views > 4
    assert configuration("d", TINY, minutes=2, epochs=3).epochs == 3
