"""Pruning: scores rank by accuracy, and the median rule ends only trials clearly behind."""

from hypothesis import given
from hypothesis import strategies as st

from ml.runs.events import EpochEnd, RunStarted
from ml.tuning.pruning import Point, best_point, score, should_prune, validation_curve

points = st.builds(
    Point, st.just(1.0), st.integers(0, 90).map(lambda hits: hits / 90), st.floats(0, 1e6)
)


@given(points, points)
def test_a_score_ranks_by_accuracy_and_then_by_loss(one: Point, other: Point) -> None:
    if one.accuracy > other.accuracy:
        assert score(one, 90) > score(other, 90)
    elif one.accuracy == other.accuracy and one.loss < other.loss:
        assert score(one, 90) >= score(other, 90)


def curve(*accuracies: float, epochs: int = 0) -> list[Point]:
    total = epochs or len(accuracies)
    return [Point((n + 1) / total, value, 1 - value) for n, value in enumerate(accuracies)]


def test_the_median_rule_prunes_only_trials_clearly_behind() -> None:
    finished_curves = [curve(0.5, 0.7, 0.8), curve(0.6, 0.7, 0.8), curve(0.55, 0.72, 0.8)]
    poor, fair = curve(0.2, epochs=3), curve(0.52, epochs=3)
    assert should_prune(poor, finished_curves, 90)
    assert not should_prune(fair, finished_curves, 90), "within a standard error"
    assert should_prune(fair, finished_curves, 100_000)
    assert not should_prune(poor, finished_curves[:2], 90), "too few to judge by"
    assert not should_prune(curve(0.2, epochs=4), finished_curves, 90), "too early"
    assert not should_prune(curve(0.1, 0.1, 0.1), finished_curves, 90), "it is over anyway"
    assert not should_prune([], finished_curves, 90)
    assert not should_prune(curve(0.6, 0.1, epochs=3), [curve(0.5, 0.6, 0.6)] * 3, 90), "its best"


def test_the_validation_curve_omits_superseded_epochs() -> None:
    started = RunStarted("m", "d", 4, 5)
    superseded = EpochEnd(2, 10, 1, 0, 9.0, 0.9)
    resumed = RunStarted("m", "d", 4, 5, epoch=1, step=5, resumed=True)
    events = [
        started,
        EpochEnd(1, 5, 1, 0, 1.0, 0.4),
        superseded,
        resumed,
        EpochEnd(2, 10, 1, 0, 0.5, 0.6),
    ]
    points = validation_curve(events)
    assert points == [Point(0.25, 0.4, 1.0), Point(0.5, 0.6, 0.5)]
    assert best_point(points) == points[1]
    assert validation_curve([started, EpochEnd(1, 5, 1, 0, float("nan"), 0.4)]) == []
    assert best_point([]) is None
