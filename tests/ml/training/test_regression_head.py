"""The default head: the best there is at the chosen penalty, judged on what it has not seen."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.errors import StoppedError
from ml.metrics.calibration import softmax
from ml.models.network import new_head
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd
from ml.runs.folder import Run
from ml.training.regression_head import (
    Pool,
    RegressionInput,
    RegressionTask,
    fit_head,
    penalties,
    row_weights,
)
from ml.training.train import train
from ml.workspace import Workspace
from tests.helpers.trained import dataset

CLASSES, COUNT = 3, 90
CONFIG = TrainConfig(head="regression", epochs=8, image_size=32, device="cpu", threads=1)


def given(seed: int = 0, views: int = 1, flipped: int | None = None) -> RegressionInput:
    """Three overlapping clouds of 40 features, dealt out to five folds."""
    random = np.random.default_rng(seed)
    labels = np.arange(COUNT) % CLASSES
    centres = 0.6 * random.standard_normal((CLASSES, 40))
    features = centres[labels] + random.standard_normal((views, COUNT, 40))
    if flipped is not None:
        labels[flipped] = (labels[flipped] + 1) % CLASSES
    folds = [np.arange(n, COUNT, 5) for n in range(5)]
    pool = Pool(np.arange(COUNT), folds)
    return RegressionInput(
        features.astype(np.float32), labels, pool, [str(n) for n in range(COUNT)]
    )


def walked(task: RegressionTask) -> list[float]:
    """The out-of-fold losses of a task along its path, which it walks to the end."""
    losses = []
    for penalty in task.path:
        for number in range(6):
            task.fit_fold(number, penalty)
        losses.append(task.validation_loss())
    return losses


def task_of(data: RegressionInput, config: TrainConfig = CONFIG) -> RegressionTask:
    return RegressionTask(new_head(40, CLASSES), config, data, CLASSES)


def test_the_path_goes_from_strong_to_weak_in_equal_ratios():
    path = penalties(10)
    assert (path[0], path[-1]) == (10.0, 0.001)
    ratios = np.divide(path[1:], path[:-1])
    assert np.allclose(ratios, ratios[0], rtol=0.02)
    assert len(penalties(1)) == 1


def test_the_head_is_that_of_scikit_learn_at_each_penalty():
    data = given()
    task = task_of(data)
    rows = (data.features[0] - task.problem.mean) * task.problem.scale
    for penalty in (1.0, 0.1, 0.02):
        task.fit_fold(5, penalty)
        reference = LogisticRegression(C=1 / (COUNT * penalty), max_iter=10_000, tol=1e-8)
        reference.fit(rows, data.labels)
        with torch.inference_mode():
            ours = task.module.eval()(torch.from_numpy(data.features[0])).softmax(1).numpy()
        assert np.abs(ours - reference.predict_proba(rows)).max() < 2e-3


def test_the_penalty_has_the_lowest_log_loss_out_of_fold():
    data = given()
    losses = walked(task_of(data))
    chosen = task_of(data).path[int(np.argmin(losses))]
    head = fit_head(data, CONFIG, CLASSES)
    best = task_of(data)
    best.fit_fold(5, chosen)
    with torch.inference_mode():
        inputs = torch.from_numpy(data.features[0])
        ours, expected = head(inputs).softmax(1), best.module.eval()(inputs).softmax(1)
    assert torch.allclose(ours, expected, atol=0.01)
    assert 0 < int(np.argmin(losses)) < len(losses) - 1  # neither end of the path


def test_no_answer_depends_on_the_label_of_its_own_picture():
    plain, flipped = task_of(given()), task_of(given(flipped=7))
    for task in (plain, flipped):
        for number in range(6):
            task.fit_fold(number, 0.1)
    fold = np.arange(7 % 5, COUNT, 5)
    others = np.setdiff1d(np.arange(COUNT), fold)
    assert np.array_equal(plain.out_of_fold[fold], flipped.out_of_fold[fold])
    assert not np.array_equal(plain.out_of_fold[others], flipped.out_of_fold[others])


def test_balanced_classes_count_the_same():
    labels = np.array([0] * 80 + [1] * 20)
    weights = row_weights(labels, 2, CONFIG.changed(balance="weights"))
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum(), rel=1e-5)
    assert (row_weights(labels, 2, CONFIG) == 1).all()


@pytest.fixture
def start(workspace: Workspace):
    """Makes and claims a run of a regression on coloured noise."""
    version = dataset(workspace, "noise", each=20)

    def make(**changes: Any) -> Run:
        config = CONFIG.changed(dataset="noise", **changes)
        run = runs.create(workspace, config, run_record(version, 0))
        queue.claim(run)
        return run

    make.version = version  # type: ignore[attr-defined]
    return make


def epochs_of(run: Run) -> list[EpochEnd]:
    return [event for event in run.events()[0] if isinstance(event, EpochEnd)]


def test_a_run_rests_its_claims_on_pictures_out_of_fold(workspace: Workspace, start: Any):
    run = start(feature_views=2)
    assert train(workspace, run).outcome == "finished"
    model = run.model or {}
    taught = len(run.dataset["splits"]["train"]) + len(run.dataset["splits"]["val"])
    assert model["calibrated_on"] == "out of fold"
    assert model["answers"]["pictures"] == model["unlike"]["validation"] == taught
    epochs = epochs_of(run)
    kept = min((one for one in epochs), key=lambda one: one.val_loss or 9)
    assert [one.epoch for one in epochs if one.best][-1] == kept.epoch
    assert all(one.learning_rate is None for one in epochs)


def test_a_stopped_run_goes_on_to_the_same_model(workspace: Workspace, start: Any):
    whole, parted = start(), start()
    assert train(workspace, whole).outcome == "finished"

    class StopAfterTwo(Callback):
        def on_train_epoch_end(self, trainer: Any, *args: Any) -> None:
            if trainer.current_epoch == 1:
                raise StoppedError("Stopped after two epochs.")

    assert train(workspace, parted, callbacks=[StopAfterTwo()]).outcome == "stopped"
    queue.claim(parted, resume=True)
    assert train(workspace, parted).outcome == "finished"
    hashes = [_model(run)["sha256"]["weights.pt"] for run in (whole, parted)]
    assert hashes[0] == hashes[1]
    assert _model(whole)["temperature"] == _model(parted)["temperature"]
    assert _model(whole)["answers"] == _model(parted)["answers"]


def _model(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(run.folder / "model/model.json").read_text("utf-8"))
    return content


def test_the_out_of_fold_loss_is_that_of_scikit_learn():
    task = task_of(given())
    for number in range(6):
        task.fit_fold(number, 0.1)
    expected = log_loss(task.pool_labels, softmax(task.out_of_fold))
    assert task.validation_loss() == pytest.approx(expected, rel=1e-5)
