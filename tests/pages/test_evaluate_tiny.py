"""Evaluate with two classes and six test pictures: every sentence claims only what six can show."""

import json

import numpy as np
import pytest

from dashboard.state.keys import class_table_fold, fold_key
from ml.metrics.report import make_report
from ml.text import report_sentences
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

FOLDS = (
    "slices",
    "class-threshold",
    "others",
    "robustness",
    "curve",
    "calibration",
    "sure-threshold",
)


def opened(workspace, each):
    """Evaluate with every fold open, for a run that has half of its pictures wrong."""
    version = made_up_runs.dataset(workspace, ("glass", "metal"), each=each)
    logits = 3 * np.eye(2)[version.labels]
    logits[::2] *= -1
    truth = made_up_runs.Truth(version.labels, logits.astype(np.float32))
    run = made_up_runs.finished(workspace, version, truth)
    about = {"dataset": version.name, "fingerprint": version.fingerprint}
    report = make_report(truth.logits, truth.labels, truth.labels, "test", run.model)
    (run.folder / "report.json").write_text(json.dumps(report | about), "utf-8")
    at = visit("evaluate", run.id)
    for fold in FOLDS:
        at.session_state[fold_key(fold, run.id)] = True
    at.session_state[class_table_fold(run.id)] = True
    at.run()
    assert not at.exception
    return at


def test_six_pictures_claim_nothing_that_six_cannot_show(workspace):
    at = opened(workspace, 3)
    text = words(at).replace("\\", "")
    for claim in (
        "Accuracy 50 % (19 to 81)",
        "6 test pictures are few: the figures may be far off",
        "Weakest class: too few pictures to tell (glass has 3)",
        "The test has 3 pictures of glass: too few for its curves",
        "6 pictures are too few to tell one group from the rest",
        "6 test pictures are too few to tell whether the probabilities mean what they say",
        "6 test pictures are too few to draw what other levels would do",
    ):
        assert claim in text, claim
    for claim in ("F1 40 %", "percentage point", "ROC AUC", "does clearly worse", "of pairs"):
        assert claim not in text, claim
    assert not at.table
    assert not at.slider
    (frame,) = at.dataframe
    shown = frame.value.set_index("Class")
    assert shown[["ROC area", "PR area"]].isna().all(axis=None)
    assert (shown["Recall to"] - shown["Recall from"] > 50).all()


def test_with_pictures_enough_the_claims_are_made(workspace):
    text = words(opened(workspace, 30)).replace("\\", "")
    assert "Weakest class: glass, F1 50 %" in text
    assert "of pairs" in text
    assert "these are off by more than that" in text
    assert "Look for such groups" in [button.label for button in opened(workspace, 30).button]


@pytest.mark.parametrize(("pictures", "named"), [(6, False), (60, True)])
def test_of_few_pictures_no_kind_of_spoiling_is_called_the_hardest(pictures, named):
    kinds = [{"label": "Noise", "mean": 0.4}, {"label": "Blur", "mean": 0.6}]
    report = {"clean": 0.8, "corrupted": 0.5, "pictures": pictures, "kinds": kinds}
    assert ("Hardest: Noise (40 %)" in report_sentences.corruptions(report)) == named


def test_calibration_that_did_harm_is_told_and_never_praised():
    sure = np.full(200, 0.8)
    before = {"ece_before": 0.02, "loss_before": 0.5, "brier_before": 0.2}
    harmed = before | {"ece": 0.03, "loss": 0.6, "brier": 0.3}
    sentence = report_sentences.calibration(0.03, sure, harmed)
    assert "calibration made them worse" in sentence
    assert "nothing against them" not in sentence
    helped_once = harmed | {"ece": 0.01}
    assert "nothing against them" in report_sentences.calibration(0.01, sure, helped_once)
    assert "left as the network gives them" in report_sentences.temperature(1.0)


def test_no_difference_is_told_in_powers_of_ten():
    told = report_sentences.parity({"images": 9, "max_probability_difference": 9e-7})
    assert "no probability differs by as much as 0.01 %" in told
    told = report_sentences.parity({"images": 9, "max_probability_difference": 0.012})
    assert "no probability differs by more than 1 %" in told


def test_the_papers_of_a_method_are_for_whoever_asks():
    about = {"pictures": 40, "validation": 90, "false_alarms": 0.05}
    about["method"] = "k-nearest and energy"
    assert "Sun et al. 2022" not in report_sentences.unlike(about)
    assert "Sun et al. 2022" in report_sentences.unlike_method(about)
    assert report_sentences.unlike_method(None) == report_sentences.unlike_method({}) == ""


def test_a_temperature_below_one_sharpens():
    assert "softened by a temperature of 1.50" in report_sentences.temperature(1.5)
    assert "sharpened by a temperature of 0.45" in report_sentences.temperature(0.45)
