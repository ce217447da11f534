"""What the pages read of a run's results, against recounts of their own."""

import os

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from dashboard.queries import results
from ml.data.store.versions import load_version
from ml.errors import BadInputError
from ml.utils.files import read_json, write_json
from tests.helpers import made_up_runs


@pytest.fixture
def made(workspace):
    version = made_up_runs.dataset(workspace)
    truth = made_up_runs.predictions(version, seed=3)
    return made_up_runs.finished(workspace, version, truth), truth


def test_the_pictures_of_a_cell_are_those_of_a_recount(workspace, made):
    run, truth = made
    test_results = results.load(workspace, run)
    guesses = truth.logits.argmax(axis=1)
    counts = confusion_matrix(truth.labels, guesses)
    for row in range(3):
        for column in range(3):
            places = test_results.where(row, column)
            wanted = {n for n in range(30) if truth.labels[n] == row and guesses[n] == column}
            assert set(places.tolist()) == wanted
            assert len(places) == counts[row, column]
    assert set(test_results.where(1).tolist()) == set(np.flatnonzero(truth.labels == 1).tolist())
    assert set(test_results.where(None, 2).tolist()) == set(np.flatnonzero(guesses == 2).tolist())


def test_the_most_confident_mistake_comes_first(workspace, made):
    run, truth = made
    test_results = results.load(workspace, run)
    places = test_results.mistakes()
    powers = np.exp(truth.logits.astype(float))
    surely = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    wrong = np.flatnonzero(truth.logits.argmax(axis=1) != truth.labels)
    assert sorted(places.tolist()) == sorted(wrong.tolist())
    assert places.tolist() == sorted(wrong.tolist(), key=lambda n: -surely[n])


def test_the_most_frequent_confusions_come_first_without_the_diagonal(workspace, made):
    run, truth = made
    test_results = results.load(workspace, run)
    counts = confusion_matrix(truth.labels, truth.logits.argmax(axis=1))
    listed = test_results.confusions(99)
    assert all(row != column and counts[row, column] == n for row, column, n in listed)
    assert [n for *_, n in listed] == sorted((n for *_, n in listed), reverse=True)
    assert sum(n for *_, n in listed) == counts.sum() - np.trace(counts)


def test_probabilities_are_softened_by_the_temperature_of_the_model(workspace, made):
    run, truth = made
    manifest = read_json(run.folder / "model" / "model.json") | {"temperature": 2.0}
    write_json(run.folder / "model" / "model.json", manifest)
    test_results = results.load(workspace, run)
    powers = np.exp(truth.logits.astype(float) / 2)
    np.testing.assert_allclose(
        test_results.probabilities, powers / powers.sum(axis=1, keepdims=True)
    )


def test_files_are_named_as_they_were_ingested(workspace, made):
    run, _ = made
    test_results = results.load(workspace, run)
    items = load_version(workspace, "made").items
    assert test_results.files == tuple(item.file for item in items)
    assert test_results.hashes == tuple(item.hash for item in items)


def test_results_outlive_their_data_set(workspace, made):
    run, _ = made
    for path in (workspace.datasets / "made" / "versions").iterdir():
        path.unlink()
    assert results.load(workspace, run).files == ("",) * 30


def test_a_new_report_is_read_and_an_old_one_is_not_read_twice(workspace, made, monkeypatch):
    run, _ = made
    first = results.load(workspace, run)
    assert results.load(workspace, run) is first
    write_json(run.folder / "report.json", {**run.report, "accuracy": 0.123})
    os.utime(run.folder / "report.json", ns=(1, 1))
    assert results.load(workspace, run).report["accuracy"] == 0.123


def test_no_report_is_no_results(workspace):
    version = made_up_runs.dataset(workspace)
    assert results.load(workspace, made_up_runs.queued(workspace, version)) is None


def damage_json(run):
    (run.folder / "report.json").write_text("{", encoding="utf-8")


def damage_arrays(run):
    (run.folder / "predictions.npz").write_bytes(b"PK\x03\x04 and nothing else")


def damage_by_absence(run):
    (run.folder / "predictions.npz").unlink()


def damage_shape(run):
    write_json(run.folder / "report.json", {**run.report, "classes": ["one"]})


def damage_labels(run):
    with np.load(run.folder / "predictions.npz") as saved:
        arrays = dict(saved)
    np.savez(run.folder / "predictions.npz", **{**arrays, "labels": arrays["labels"] + 5})


def damage_logits(run):
    with np.load(run.folder / "predictions.npz") as saved:
        arrays = dict(saved)
    np.savez(run.folder / "predictions.npz", **{**arrays, "logits": arrays["logits"] * np.nan})


@pytest.mark.parametrize(
    "damage",
    [
        damage_json,
        damage_arrays,
        damage_by_absence,
        damage_shape,
        damage_labels,
        damage_logits,
    ],
)
def test_damaged_results_are_a_sentence(workspace, made, damage):
    run, _ = made
    damage(run)
    with pytest.raises(BadInputError, match="damaged"):
        results.load(workspace, run)


def test_examples_take_the_classes_in_turn(workspace, made):
    run, truth = made
    places = results.load(workspace, run).examples(5)
    assert truth.labels[places].tolist() == [0, 1, 2, 0, 1]
