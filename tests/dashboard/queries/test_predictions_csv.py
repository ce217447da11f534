"""What is taken away as CSV, against a recount."""

import csv
import io

import pytest

from dashboard.queries import predictions_csv, results
from tests.helpers import made_up_runs


def test_the_csv_agrees_with_the_predictions(workspace):
    version = made_up_runs.dataset(workspace)
    truth = made_up_runs.predictions(version, seed=3)
    run = made_up_runs.finished(workspace, version, truth)
    lines = list(csv.DictReader(io.StringIO(predictions_csv.to_csv(results.load(workspace, run)))))
    guesses = truth.logits.argmax(axis=1)
    assert [line["truth"] for line in lines] == [made_up_runs.CLASSES[n] for n in truth.labels]
    assert [line["guess"] for line in lines] == [made_up_runs.CLASSES[n] for n in guesses]
    right = sum(line["correct"] == "yes" for line in lines)
    assert right / len(lines) == pytest.approx(run.report["accuracy"])
    for line in lines:
        assert (float(line["probability"]) >= 0.6) == (line["decision"] == "sure")
        assert float(line[f"p({line['guess']})"]) == pytest.approx(float(line["probability"]))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_spreadsheet_runs_no_formula_from_a_name(text):
    assert predictions_csv.csv_of([[text]]).startswith(("'", "\"'"))
