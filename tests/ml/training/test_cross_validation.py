"""Folds: each picture measured once by a model that never saw it, the test left alone."""

import json
import statistics
import threading
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.splits.splits import stratified_group_folds
from ml.data.store.versions import DatasetVersion, Item, load_version
from ml.evaluation.evaluate import evaluate
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd, Note, Progress
from ml.runs.folder import Run
from ml.training import cross_validation
from ml.training.cross_validation import steps_of
from ml.training.finetuning import Plan
from ml.training.task import ClassifierTask
from ml.training.train import train
from ml.workspace import Workspace
from tests.helpers.trained import dataset

PIXELS: dict[str, Any] = {
    "dataset": "noise",
    "model": "small_cnn",
    "epochs": 2,
    "folds": 3,
    "image_size": 16,
    "batch_size": 8,
    "threads": 1,
    "precision": "32",
    "pretrained": False,
    "freeze_backbone": False,
    "device": "cpu",
}
FROZEN = PIXELS | {
    "model": "efficientnet_lite0",
    "pretrained": True,
    "freeze_backbone": True,
    "image_size": 32,
    "feature_views": 2,
}


@pytest.fixture
def noise(workspace: Workspace) -> DatasetVersion:
    return dataset(workspace, "noise", each=20)


@pytest.fixture
def start(workspace: Workspace, noise: DatasetVersion):
    def make(**changes: Any) -> Run:
        config = TrainConfig(**{**PIXELS, **changes})
        run = runs.create(workspace, config, run_record(noise, config.split_seed))
        queue.claim(run)
        return run

    return make


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 2), st.none() | st.integers(0, 5)),
        min_size=6,
        max_size=80,
    ),
    st.integers(2, 10),
    st.integers(0, 99),
)
def test_each_picture_is_in_one_fold_with_its_like(
    rows: list[tuple[int, int, int | None]], count: int, seed: int
) -> None:
    items = [Item(f"{n:064x}", k, group=None if g is None else f"g{g}") for n, k, g in rows]
    pool = np.arange(0, len(items), 1)
    parts = stratified_group_folds(items, pool, count, seed)
    assert len(parts) <= count
    assert sorted(np.concatenate(parts).tolist()) == pool.tolist()
    assert all(len(part) for part in parts)
    for key in ("hash", "group"):
        seen: dict[str, set[int]] = {}
        for number, part in enumerate(parts):
            for n in part:
                if (name := getattr(items[n], key)) is not None:
                    seen.setdefault(name, set()).add(number)
        assert all(len(folds) == 1 for folds in seen.values())


@pytest.mark.parametrize("count", [2, 5, 10])
def test_folds_are_stratified_and_of_one_size(count: int) -> None:
    items = [Item(f"{n:064x}", n % 3) for n in range(87)]
    parts = stratified_group_folds(items, np.arange(87), count, 1)
    for label in range(3):
        held = [sum(items[n].label == label for n in part) for part in parts]
        assert max(held) - min(held) <= 1
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [part.tolist() for part in parts] != [
        part.tolist() for part in stratified_group_folds(items, np.arange(87), count, 2)
    ]


REGRESSION = FROZEN | {"head": "regression"}


@pytest.mark.parametrize(
    "settings", [PIXELS, FROZEN, REGRESSION], ids=["pixels", "frozen", "regression"]
)
def test_the_report_has_the_accuracy_of_each_fold(
    settings: dict[str, Any], workspace: Workspace, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[list[str]] = []
    trained_on: list[set[str]] = []
    real = cross_validation.sides

    def watched(pictures, chosen, rest):
        fold = real(pictures, chosen, rest)
        if len(rest):
            measured.append(fold.hashes("val"))
            trained_on.append(set(fold.hashes("train")))
        return fold

    monkeypatch.setattr(cross_validation, "sides", watched)
    run = start(**settings)
    ended = train(workspace, run)
    assert ended.outcome == "finished"
    folds = run.report["folds"]
    assert folds["count"] == len(folds["accuracy"]) == 3
    assert folds["mean"] == pytest.approx(statistics.fmean(folds["accuracy"]))
    assert folds["std"] == pytest.approx(statistics.stdev(folds["accuracy"]))
    assert all(0 <= value <= 1 for value in folds["accuracy"])

    items, splits = run_items(workspace, run), run.dataset["splits"]
    pool = {items[n].hash for side in ("train", "val") for n in splits[side]}
    assert sorted(digest for part in measured for digest in part) == sorted(pool)
    assert all(not set(part) & seen for part, seen in zip(measured, trained_on, strict=True))
    shares = [e.fraction for e in of(run, Progress) if e.phase == "folds"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(of(run, EpochEnd)) == 2, "the curves are those of the run alone"
    assert evaluate(workspace, run)["folds"] == folds


def run_items(workspace: Workspace, run: Run) -> tuple[Item, ...]:
    return load_version(workspace, run.dataset["name"], run.dataset["version"]).items


def of(run: Run, kind: type) -> list[Any]:
    return [event for event in run.events()[0] if isinstance(event, kind)]


def test_a_fold_is_measured_as_its_model_says(workspace: Workspace, start, monkeypatch) -> None:
    """Counted anew from the modules that were trained."""
    measured: list[tuple[Plan, float]] = []
    real = cross_validation.hits

    def watched(plan, device):
        correct = real(plan, device)
        measured.append((plan, float(correct.mean())))
        return correct

    monkeypatch.setattr(cross_validation, "hits", watched)
    run = start(**FROZEN)
    train(workspace, run)
    assert [value for _, value in measured] == run.report["folds"]["accuracy"]
    for plan, value in measured:
        with torch.inference_mode():
            guesses = plan.module.eval()(plan.data.val).argmax(1)
        assert value == pytest.approx(float((guesses == plan.data.val_labels).float().mean()))
    weights = {plan.module[-1].weight.detach().numpy().tobytes() for plan, _ in measured}
    assert len(weights) == 3, "each fold has a head of its own"


def test_the_shipped_model_is_the_one_without_folds(workspace: Workspace, start) -> None:
    with_folds, without = start(), start(folds=0)
    assert train(workspace, with_folds).test == train(workspace, without).test
    assert with_folds.model["sha256"]["weights.pt"] == without.model["sha256"]["weights.pt"]
    assert "folds" not in without.report
    assert not (without.folder / "folds.json").exists()


def test_a_stop_is_honoured_and_resume_continues_after_finished_folds(
    workspace: Workspace, start
) -> None:
    uninterrupted, run = start(epochs=3, folds=4), start(epochs=3, folds=4)
    train(workspace, uninterrupted)

    def watch() -> None:
        while not (run.folder / "folds.json").exists():
            threading.Event().wait(0.002)
        run.ask_to_stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    ended = train(workspace, run)
    watcher.join()
    assert ended.outcome == run.status.name == "stopped"
    assert "folds" in ended.reason
    assert run.model is not None
    assert run.report["accuracy"] == ended.test["accuracy"]
    assert "folds" not in run.report
    before = json.loads((run.folder / "folds.json").read_bytes())["accuracy"]
    assert 1 <= len(before) < 4
    queue.claim(run, resume=True)
    assert train(workspace, run).outcome == "finished"
    assert run.report["folds"] == uninterrupted.report["folds"]
    assert run.report["folds"]["accuracy"][: len(before)] == before


def test_with_more_epochs_the_folds_are_fitted_anew(workspace: Workspace, start) -> None:
    run = start()
    train(workspace, run)
    first = json.loads((run.folder / "folds.json").read_bytes())
    run.ask_to_resume(3)
    queue.claim(run)
    assert train(workspace, run).outcome == "finished"
    second = json.loads((run.folder / "folds.json").read_bytes())
    assert (first["epochs"], second["epochs"]) == (2, 3)
    assert run.report["folds"]["accuracy"] == second["accuracy"]


def test_a_failure_in_a_fold_is_told_and_does_not_fail_the_run(
    workspace: Workspace, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ClassifierTask.training_step

    def full(self, batch, index):
        if not self.ids:  # in the folds nobody asks for mistakes
            raise torch.OutOfMemoryError("out of memory")
        return real(self, batch, index)

    monkeypatch.setattr(ClassifierTask, "training_step", full)
    run = start()
    assert train(workspace, run).outcome == "finished"
    assert run.model is not None
    (note,) = [event for event in of(run, Note) if event.code == "folds"]
    assert note.level == "warning"
    assert "not enough memory" in note.text
    assert "folds" not in run.report


def test_too_few_pictures_for_folds_are_said(workspace: Workspace) -> None:
    version = dataset(workspace, "scenes", each=20)
    split = {0: "train", 1: "val"}
    items = tuple(
        item._replace(group="one" if n % 20 < 17 else None, split=split.get(n % 20, "test"))
        for n, item in enumerate(version.items)
    )
    grouped = DatasetVersion("scenes", 1, version.classes, items, version.fingerprint, {})
    pool = np.array([n for n, item in enumerate(items) if item.split != "test"])
    assert len(stratified_group_folds(grouped.items, pool, 5, 0)) == 1


def test_the_steps_of_the_folds_are_foreseen() -> None:
    counts = {"train": 70, "val": 15, "test": 15}
    assert steps_of(TrainConfig(**PIXELS), counts) == 3 * 2 * 7
    assert steps_of(TrainConfig(**FROZEN), counts) == 3 * 2 * 15, "two views of each"
    assert steps_of(TrainConfig(**PIXELS | {"folds": 0}), counts) == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"count": 3, "epochs": 9, "accuracy": [1]}'])
def test_what_is_left_of_another_recipe_is_not_counted(content: str, tmp_path) -> None:
    path = tmp_path / "folds.json"
    path.write_text(content)
    assert cross_validation._done(path, {"count": 3, "epochs": 2}) == []
    path.write_text('{"count": 3, "epochs": 2, "accuracy": [0.5, 1]}')
    assert cross_validation._done(path, {"count": 3, "epochs": 2}) == [0.5, 1.0]
