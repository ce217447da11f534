"""How many models were scored on one test, and the interval that allows for the choice."""

import json

import pytest
from scipy import stats

from benchmarks import holdout_reuse as simulation
from ml.__main__ import main
from ml.evaluation import holdout_reuse, results
from ml.metrics.classification import wilson
from ml.runs import trash
from ml.text import report_sentences
from tests.helpers import made_up_runs


def test_models_on_the_same_pictures_are_counted_with_the_deleted_ones(workspace):
    version = made_up_runs.dataset(workspace)
    runs = [
        made_up_runs.finished(workspace, version, made_up_runs.predictions(version, seed))
        for seed in range(3)
    ]
    made_up_runs.finished(workspace, made_up_runs.dataset(workspace, each=4, name="other"))
    made_up_runs.queued(workspace, version)
    # The pictures of the smaller set are all in the larger one; they are under half of its test.
    assert holdout_reuse.models_scored(workspace, runs[0]) == 3
    trash.delete(workspace, runs[2])
    assert holdout_reuse.models_scored(workspace, runs[0]) == 3
    trash.empty_trash(workspace)
    assert holdout_reuse.models_scored(workspace, runs[0]) == 2


def test_the_interval_of_the_best_is_bonferronis(workspace):
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    read = results.read(workspace, run)
    z = stats.norm.ppf(1 - 0.025 / 7)
    assert holdout_reuse.interval_of_best(read, 7) == pytest.approx(
        wilson(read.report["accuracy"], 30, z)
    )
    assert holdout_reuse.summary(read, 1) is None
    assert holdout_reuse.summary(read, 7)["models"] == 7


@pytest.mark.parametrize("selection", list(simulation.SELECTIONS))
def test_the_interval_of_the_best_covers_what_it_promises(selection):
    plain, widened = simulation.coverage(selection, 20, tests=400)
    assert widened > 0.92 > plain


def test_the_json_of_a_report_counts_the_looks_too(workspace, tmp_path, capsys):
    run = made_up_runs.colours(workspace)
    words = ["evaluate", run.id, "--workspace", str(workspace.root)]
    words += ["--html", str(tmp_path / "report.html")]  # with it the stored report is taken
    assert main([*words, "--json"]) == 0
    assert "reuse" not in json.loads(capsys.readouterr().out.splitlines()[-1])
    made_up_runs.colours(workspace)
    assert main([*words, "--json"]) == 0
    about = json.loads(capsys.readouterr().out.splitlines()[-1])["reuse"]
    assert (about["models"], about["fresh_test"]) == (2, False)


def test_chances_of_very_many_models_are_still_numbers(workspace):
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    low, high = holdout_reuse.interval_of_best(results.read(workspace, run), 5000)
    assert 0 <= low < run.report["accuracy"] < high <= 1


def test_a_fresh_test_is_advised_once_many_models_were_scored():
    few = {"models": 3, "interval": [0.7, 0.9], "fresh_test": False}
    many = {"models": 12, "interval": [0.4, 0.95], "fresh_test": True}
    assert report_sentences.reuse(None) == ""
    assert "expect between 70 and 90 %" in report_sentences.reuse(few)
    assert "fresh test" not in report_sentences.reuse(few)
    assert "Draw a fresh test" in report_sentences.reuse(many)
    assert "no more than 40 to 95 %" in report_sentences.reuse(many)
