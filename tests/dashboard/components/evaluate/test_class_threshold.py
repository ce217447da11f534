"""The threshold for one class on Evaluate: its figures follow the slider, and few claim nothing."""

import json
import re

import numpy as np
import pytest

from dashboard.charts import one_vs_rest as one_vs_rest_charts
from dashboard.state.keys import fold_key
from ml.metrics import thresholds
from ml.metrics.calibration import softmax
from ml.metrics.roc import curve
from tests.dashboard.charts.test_evaluation import drawable
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace, each=30)


def opened(run):
    at = visit("evaluate", run.id)
    at.session_state[fold_key("class-threshold", run.id)] = True
    return at.run()


def tiles(at):
    """The figures of the tiles that the threshold has, by their labels."""
    html = next(item.value for item in at.html if "False alarms" in item.value)
    pairs = re.findall(
        r'lens-label">([^<]*)<.*?lens-value">([^<]*)<.*?lens-note[^>]*>([^<]*)', html
    )
    return {label: (value, note) for label, value, note in pairs}


def figures(at):
    sent = [json.loads(part.proto.json) for part in at.get("bidi_component")]
    drawn = [json.loads(one["figure"]) for one in sent if "figure" in one]
    return [one for one in drawn if "table" in one]


def test_the_figures_follow_the_slider_and_are_those_counted_by_hand(workspace, version):
    truth = made_up_runs.predictions(version, 3, 0.3)
    run = made_up_runs.finished(workspace, version, truth)
    chances = softmax(truth.logits)[:, 1]
    at = opened(run)
    at.selectbox(f"told-class-{run.id}").select(1).run()
    for threshold in (50.0, 12.5, 97.3):
        at.slider[0].set_value(threshold).run()
        assert not at.exception
        called = chances >= threshold / 100
        shown = tiles(at)
        assert shown["False alarms"] == (
            str((called & (truth.labels != 1)).sum()),
            "of 60 other pictures",
        )
        assert shown["Missed"] == (
            str((~called & (truth.labels == 1)).sum()),
            "of 30 pictures of it",
        )
        assert shown["Precision"][0] == f"{100 * (truth.labels[called] == 1).mean():.0f} %"
        (roc, precision) = figures(at)
        assert roc["data"][-1]["y"] == precision["data"][-1]["x"]
        assert roc["data"][-1]["y"][0] == pytest.approx(100 * called[truth.labels == 1].mean())


def test_the_threshold_that_is_offered_does_what_it_says(workspace, version):
    random = np.random.default_rng(2)
    logits = random.normal(0, 0.5, (90, 3)) + 3 * np.eye(3)[version.labels]
    logits[40:44, 0] += 2.5  # four of another class that are nearly called so
    truth = made_up_runs.Truth(version.labels, logits.astype(np.float32))
    run = made_up_runs.finished(workspace, version, truth)
    at, label = opened(run), 0
    at.selectbox(f"told-class-{run.id}").select(label).run()
    at.button(f"set-precision-{run.id}-{label}").click().run()
    threshold = at.slider[0].value / 100
    called = softmax(truth.logits)[:, label] >= threshold
    assert called.sum() >= 20
    assert threshold > 0.01
    assert (truth.labels[called] == label).mean() >= 0.95
    hits = (called & (truth.labels == label)).sum()
    assert f"**{100 * threshold:.1f} %** ({hits} of {called.sum()};" in words(at)


def test_few_pictures_get_no_curves_no_area_and_no_threshold(workspace):
    version = made_up_runs.dataset(workspace, ("cat", "dog"), each=3)
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 1, 0.2))
    at = opened(run)
    assert not figures(at)
    assert not at.slider
    assert "The test has 3 pictures of" in words(at)
    assert "too few for its curves" in words(at)
    between = made_up_runs.dataset(workspace, ("cat", "dog"), each=15, name="between")
    run = made_up_runs.finished(workspace, between, made_up_runs.predictions(between, 1, 0.2))
    at = opened(run)
    assert len(figures(at)) == 2
    assert "too few to name a threshold" in words(at)
    assert not [button for button in at.button if str(button.key).startswith("set-")]
    assert re.search(r"above another in \d+ % \(\d+ to [\d.]+\) of pairs", words(at))


def test_the_charts_draw_the_curve_and_its_ends_however_many_pictures():
    random = np.random.default_rng(1)
    positive = random.random(10_000) < 0.03
    pr_curve = curve(np.clip(random.normal(0.3 + 0.3 * positive, 0.15), 0, 1), positive)
    chosen = thresholds.call(pr_curve, 0.5)
    roc, precision = (
        one_vs_rest_charts.roc(pr_curve, chosen),
        one_vs_rest_charts.precision_recall(pr_curve, chosen),
    )
    for figure in (roc, precision):
        assert drawable(figure).data
        assert len(figure["data"][1]["x"]) <= one_vs_rest_charts.MAX_POINTS + 1
        assert len(figure["data"][1]["x"]) == len(figure["data"][1]["customdata"])
        assert len(figure["table"]) == 12
    assert (roc["data"][1]["x"][0], roc["data"][1]["x"][-1]) == (0, 100)
    assert precision["data"][1]["x"][-1] == 100
    assert precision["data"][0]["y"][0] == pytest.approx(100 * positive.mean(), abs=0.01)
