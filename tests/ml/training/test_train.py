"""The recipe: what a run leaves behind, and that stopping, failing and resuming lose nothing."""

import hashlib
import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.store.versions import DatasetVersion
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd, Heartbeat, Note, Progress, RunEnded, RunStarted
from ml.runs.folder import Run
from ml.training import checkpoints
from ml.training.task import ClassifierTask
from ml.training.train import train
from ml.workspace import Workspace
from tests.helpers.trained import dataset

SETTINGS: dict[str, Any] = {
    "dataset": "noise",
    "model": "small_cnn",
    "epochs": 4,
    "image_size": 16,
    "batch_size": 8,
    "threads": 1,
    "precision": "32",
    "augment": "light",
    "pretrained": False,
    "freeze_backbone": False,
    "device": "cpu",
}


@pytest.fixture
def noise(workspace: Workspace) -> DatasetVersion:
    return dataset(workspace, "noise", each=40)


@pytest.fixture
def start(workspace: Workspace, noise: DatasetVersion):
    def make(**changes: Any) -> Run:
        config = TrainConfig(**{**SETTINGS, **changes})
        run = runs.create(workspace, config, run_record(noise, config.split_seed))
        queue.claim(run)
        return run

    return make


def weights(run: Run) -> str:
    path = checkpoints.newest(run.folder / "checkpoints", "last")[0]
    state = checkpoints.load(path)["state_dict"]
    return hashlib.sha256(b"".join(v.numpy().tobytes() for v in state.values())).hexdigest()


def of(run: Run, kind: type) -> list[Any]:
    return [event for event in run.events()[0] if isinstance(event, kind)]


def stop_after(run: Run, epochs: int) -> threading.Thread:
    """Asks to stop as a page does, once so many epochs are in the log and a batch after them."""

    def watch() -> None:
        while len(of(run, EpochEnd)) < epochs:
            threading.Event().wait(0.005)
        run.ask_to_stop()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_what_a_run_reports_is_a_recount_from_its_saved_predictions(workspace, start) -> None:
    run = start()
    ended = train(workspace, run)
    assert ended.outcome == run.status.name == "finished"
    assert ended.epochs == 4
    saved = np.load(run.folder / "predictions.npz")
    predicted = saved["logits"].argmax(1)
    assert ended.test["accuracy"] == pytest.approx(accuracy_score(saved["labels"], predicted))
    assert ended.test["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(saved["labels"], predicted)
    )
    assert run.report["accuracy"] == ended.test["accuracy"]
    assert saved["indices"].tolist() == run.dataset["splits"]["test"]
    assert run.model["parity"]["top1_agreement"] == 1.0


def test_the_log_has_start_every_epoch_and_end_in_order(workspace, start) -> None:
    run = start()
    train(workspace, run)
    events = run.events()[0]
    begun = of(run, RunStarted)
    assert len(begun) == 1
    assert begun[0].steps_per_epoch * 4 == of(run, EpochEnd)[-1].step
    assert {"python", "torch", "lightning", "lensmith"} <= set(begun[0].versions)
    assert begun[0].choices["precision"] == "32"
    assert [event.epoch for event in of(run, EpochEnd)] == [1, 2, 3, 4]
    assert isinstance(events[-1], RunEnded)
    assert of(run, Heartbeat)
    assert {event.phase for event in of(run, Progress)} >= {"prepare", "export", "evaluate"}
    assert all(a.time <= b.time + 0.5 for a, b in itertools.pairwise(events))


def test_stopped_and_resumed_is_the_same_as_never_stopped(workspace, start) -> None:
    uninterrupted = start(epochs=5)
    train(workspace, uninterrupted)
    run = start(epochs=5)
    watcher = stop_after(run, 2)
    ended = train(workspace, run)
    watcher.join()
    assert ended.outcome == "stopped"
    assert run.status.name == "stopped"
    assert run.model is not None
    assert len(of(run, EpochEnd)) < 5
    queue.claim(run, resume=True)
    ended = train(workspace, run)
    assert ended.outcome == "finished"
    assert weights(run) == weights(uninterrupted)
    assert ended.test == uninterrupted.events()[0][-1].test
    again = of(run, RunStarted)[-1]
    assert again.resumed
    assert again.epoch >= 2


def test_a_finished_run_goes_on_with_more_epochs(workspace, start) -> None:
    run = start(epochs=2)
    train(workspace, run)
    run.ask_to_resume(3)
    assert run.status.name == "queued"
    queue.claim(run)
    ended = train(workspace, run)
    assert (ended.outcome, ended.epochs) == ("finished", 3)
    assert [event.epoch for event in of(run, EpochEnd)] == [1, 2, 3]


def test_the_best_epoch_by_validation_accuracy_is_what_is_exported(workspace, start) -> None:
    run = start(epochs=6)
    ended = train(workspace, run)
    epochs = of(run, EpochEnd)
    best = max(epochs, key=lambda event: (event.val_accuracy, -event.val_loss))
    assert [event.epoch for event in epochs if event.best][-1] == best.epoch
    assert checkpoints.newest(run.folder / "checkpoints", "best")[1]["epoch"] == best.epoch
    assert ended.validation["accuracy"] == pytest.approx(best.val_accuracy, abs=1e-6)


def test_a_nan_loss_stops_the_run_with_its_best_model_and_advice(
    workspace, start, monkeypatch
) -> None:
    run = start()
    step = ClassifierTask.training_step

    def poisoned(self, batch, index):
        loss = step(self, batch, index)
        return loss * float("nan") if self.current_epoch == 2 else loss

    monkeypatch.setattr(ClassifierTask, "training_step", poisoned)
    ended = train(workspace, run)
    assert ended.outcome == run.status.name == "failed"
    assert "lower learning rate" in run.status.reason
    assert "0.0001" in run.status.reason
    assert run.model is not None
    last = checkpoints.newest(run.folder / "checkpoints", "last")[0]
    state = checkpoints.load(last)["state_dict"]
    assert all(torch.isfinite(value.float()).all() for value in state.values())


def test_no_memory_names_the_batch_and_the_size_of_the_pictures(
    workspace, start, monkeypatch
) -> None:
    def full(self, batch, index):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ClassifierTask, "training_step", full)
    run = start()
    ended = train(workspace, run)
    assert ended.outcome == "failed"
    assert "batches of 8 pictures of 16 px" in ended.reason


def test_pictures_that_are_gone_fail_the_run_with_a_sentence(workspace: Workspace, start) -> None:
    run = start()
    for path in list(workspace.pictures.rglob("*")):
        if path.is_file():
            path.unlink()
    ended = train(workspace, run)
    assert ended.outcome == "failed"
    assert "Traceback" not in ended.reason
    assert run.status.reason == ended.reason


def test_another_training_seed_trains_otherwise_on_the_same_split(workspace, start) -> None:
    one, other = start(seed=1, epochs=1), start(seed=2, epochs=1)
    train(workspace, one)
    train(workspace, other)
    assert one.dataset["splits"] == other.dataset["splits"]
    assert weights(one) != weights(other)


def test_patience_stops_when_validation_no_longer_improves(workspace, start) -> None:
    run = start(epochs=60, patience=1, learning_rate=1e-6, schedule="constant")
    ended = train(workspace, run)
    assert ended.outcome == "finished"
    assert ended.epochs < 60


def test_a_frozen_backbone_is_run_once_for_all_runs_on_the_same_pictures(
    workspace: Workspace, start
) -> None:
    settings = {
        "model": "efficientnet_lite0",
        "pretrained": True,
        "freeze_backbone": True,
        "image_size": 32,
        "feature_views": 2,
        "epochs": 2,
    }
    first = start(**settings)
    assert train(workspace, first).outcome == "finished"

    def parts() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in workspace.features.rglob("*.npy")}

    written = parts()
    second = start(**settings, learning_rate=0.01)
    ended = train(workspace, second)
    assert ended.outcome == "finished"
    assert parts() == written
    assert second.model["parity"]["max_probability_difference"] < 1e-3
    assert second.model["licence"] == "Apache-2.0"  # of what it started from
    assert not [event for event in of(second, Note) if event.code == "parity"]
