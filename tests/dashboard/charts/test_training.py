"""The curves: what is drawn is what was measured, in two colours that never change places."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts import training as training_charts
from ml.metrics.live import get, live_metrics
from tests.dashboard.queries.test_live import gathered, training

VALUES = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.one_of(VALUES, st.none()), max_size=3000), st.integers(10, 500))
def test_downsampling_keeps_ends_and_peaks_and_never_sends_more(
    values: list[float | None], limit: int
) -> None:
    x, y = training_charts.downsample(range(len(values)), values, limit)
    assert len(x) == len(y) <= limit or len(values) <= limit
    assert x == sorted(x)
    assert all(values[int(at)] == value for at, value in zip(x, y, strict=True))
    known = [value for value in values if value is not None]
    if known:
        assert max(value for value in y if value is not None) == max(known)
        assert min(value for value in y if value is not None) == min(known)
    if len(values) > limit and known:
        places = [place for place, value in enumerate(values) if value is not None]
        assert (x[0], x[-1]) == (places[0], places[-1])


def test_a_long_training_sends_at_most_two_thousand_points_a_series() -> None:
    state = gathered(training(epochs=50, steps=200))
    for figure in (
        training_charts.curves(state, get("loss"), "step"),
        training_charts.curves(state, get("accuracy"), "step"),
    ):
        assert all(len(trace["x"]) <= training_charts.MAX_POINTS for trace in figure["data"])
    assert len(state["steps"]["step"]) == 10_000


@pytest.mark.parametrize("by", ["epoch", "step"])
def test_the_figures_of_the_chart_are_those_of_the_events(by: str) -> None:
    state = gathered(training())
    train, validation = training_charts.curves(state, get("accuracy"), by)["data"][:2]
    assert validation["y"] == [50.0, 60.0, 70.0]
    assert validation["x"] == ([1, 2, 3] if by == "epoch" else [4, 8, 12])
    assert train["y"] == [50.0] * (3 if by == "epoch" else 12)
    loss = training_charts.curves(state, get("loss"), by)["data"][0]
    expected = [0.9] * 3 if by == "epoch" else [1 / step for step in range(1, 13)]
    assert all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(loss["y"], expected, strict=True))


@pytest.mark.parametrize("by", ["epoch", "step"])
def test_training_and_validation_keep_their_colours(by: str) -> None:
    state = gathered(training())
    for figure in (
        training_charts.curves(state, get("loss"), by),
        training_charts.curves(state, get("accuracy"), by),
    ):
        colours = {trace["name"]: trace["line"]["color"] for trace in figure["data"][:2]}
        assert colours == {"Training": "$train", "Validation": "$validation"}


@pytest.mark.parametrize("by", ["epoch", "step"])
def test_nothing_measured_yet_is_still_a_chart(by: str) -> None:
    state = gathered([])
    for metric in live_metrics():
        json.dumps(training_charts.curves(state, metric, by), allow_nan=False)
    assert "nothing measured yet" in training_charts.text_alternative(state, get("loss"))
    assert training_charts.title_of(state, get("loss")) == "Loss"


def test_the_title_says_where_the_best_was() -> None:
    state = gathered(training(epochs=5))
    state["epochs"][2]["val_loss"] = 0.1
    assert training_charts.title_of(state, get("loss")) == "Loss: lowest after epoch 3"
    assert training_charts.title_of(state, get("accuracy")) == "Accuracy: highest after epoch 5"


def test_of_equally_accurate_epochs_the_title_names_the_one_that_was_kept() -> None:
    state = gathered(training(epochs=5))
    for epoch, best in zip(state["epochs"], (True, True, True, False, False), strict=True):
        epoch |= {"val_accuracy": 0.7, "best": best}
    assert training_charts.title_of(state, get("accuracy")) == "Accuracy: highest after epoch 3"
    marked = training_charts.curves(state, get("accuracy"), "epoch")["data"][2]
    assert (marked["name"], marked["x"]) == ("Best", [3])


def test_the_epochs_of_a_regression_are_called_penalties() -> None:
    state = gathered(training(epochs=5))
    state["started"]["unit"] = "penalty"
    figure = training_charts.curves(state, get("loss"))
    assert figure["layout"]["xaxis"]["title"] == "Penalty, from strong to weak"
    assert "after penalty" in training_charts.title_of(state, get("loss"))
    assert "after penalty 5" in training_charts.text_alternative(state, get("loss"))
