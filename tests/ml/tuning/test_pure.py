"""What a search rests on: axes, suggestions, judging by curves, and the verdict on test data."""

import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.runs.events import EpochEnd, RunStarted
from ml.runs.folder import Run
from ml.tuning.comparison import accuracy_difference, compare, search_summary
from ml.tuning.pruning import Point, best_point, score, should_prune, validation_curve
from ml.tuning.sampler import Observation, importances, suggest_values
from ml.tuning.search_space import Axis, axis_of, default_fields, searchable

FROZEN = TrainConfig(dataset="hands")
SCRATCH = TrainConfig(dataset="hands", pretrained=False, freeze_backbone=False, optimizer="sgd")
PAIR = [Axis("learning_rate", 1e-4, 1.0, log=True), Axis("optimizer", choices=("sgd", "adamw"))]


@pytest.mark.parametrize("base", [FROZEN, SCRATCH], ids=["frozen", "scratch"])
def test_each_axis_holds_the_base_and_only_valid_settings(base: TrainConfig) -> None:
    for name in searchable(base):
        axis = axis_of(base, name)
        assert Axis.from_json(axis.to_json()) == axis
        ends = axis.choices or (axis.low, axis.high)
        for value in ends:
            assert base.changed(**{name: int(value) if axis.whole else value})
        value = getattr(base, name)
        assert value in axis.choices if axis.choices else axis.low <= value <= axis.high
        assert not axis.log or axis.low > 0


def test_settings_that_change_the_task_are_not_searched() -> None:
    names = set(searchable(FROZEN)) | set(searchable(SCRATCH))
    assert not names & {"dataset", "model", "seed", "split_seed", "device", "threads", "folds"}
    assert "augment" not in searchable(FROZEN), "a frozen backbone sees fixed views"
    assert "feature_views" not in searchable(SCRATCH)
    assert "momentum" in searchable(SCRATCH)
    assert set(default_fields(FROZEN)) <= set(searchable(FROZEN))
    setting_names = {item.name for item in fields(TrainConfig)}
    assert names <= setting_names
    with pytest.raises(BadInputError, match="device cannot be searched"):
        axis_of(FROZEN, "device")
    with pytest.raises(BadInputError, match="colour"):
        axis_of(FROZEN, "nothing")


def quality(values: dict[str, object]) -> float:
    """Best at a rate of 0.01 with AdamW."""
    away = math.log10(float(str(values["learning_rate"]))) + 2
    return 0.9 - 0.1 * away**2 - 0.1 * (values["optimizer"] == "sgd")


def tried_by(count: int, seed: int = 3) -> list[Observation]:
    observations: list[Observation] = []
    for number in range(1, count + 1):
        values = suggest_values(PAIR, observations, number, seed)
        observations.append(Observation(values, quality(values)))
    return observations


def test_suggestions_are_a_function_of_the_observations() -> None:
    observations = tried_by(8)
    assert observations == tried_by(8)
    assert suggest_values(PAIR, observations, 9, 3) == suggest_values(
        PAIR, list(observations), 9, 3
    )
    assert suggest_values(PAIR, observations, 9, 3) != suggest_values(PAIR, observations, 9, 4)


def test_a_search_beats_random_draws() -> None:
    searched_best, random_best = [], []
    for seed in range(8):
        searched_best.append(max(one.score for one in tried_by(25, seed)))
        lot = [suggest_values(PAIR, [], number, seed) for number in range(1, 26)]
        random_best.append(max(map(quality, lot)))
    assert np.mean(searched_best) > np.mean(random_best)
    assert np.mean(searched_best) > 0.895


def test_the_sampler_takes_failed_and_pruned_trials() -> None:
    observations = tried_by(6)
    observations[1] = Observation(observations[1].values, None)
    observations[2] = Observation(observations[2].values, 0.1, is_complete=False)
    assert set(suggest_values(PAIR, observations, 7, 3)) == {"learning_rate", "optimizer"}
    assert suggest_values(PAIR, [Observation(observations[0].values, None)], 2, 3)


def test_the_deciding_axis_has_the_largest_importance() -> None:
    axes = [Axis("learning_rate", 1e-4, 1.0, log=True), Axis("label_smoothing", 0.0, 0.2)]
    drawn = [suggest_values(axes, [], number, 1) for number in range(1, 40)]
    observations = [
        Observation(one, -((math.log10(one["learning_rate"]) + 2) ** 2)) for one in drawn
    ]
    shares = importances(axes, observations)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["learning_rate"] > 0.7
    assert importances(axes, observations[:5]) == {}, "too few to tell"
    assert importances(axes, [Observation(one, 0.5) for one in drawn]) == {}, "nothing mattered"


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


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_the_interval_contains_the_difference_and_is_antisymmetric(
    b: int, c: int, rest: int
) -> None:
    difference, (low, high) = accuracy_difference(b, c, b + c + rest)
    assert -1 <= low <= difference <= high <= 1
    back, (other_low, other_high) = accuracy_difference(c, b, b + c + rest)
    assert (back, other_low, other_high) == pytest.approx((-difference, -high, -low))


def test_the_interval_agrees_with_an_exact_test() -> None:
    """McNemar's exact test on the pictures that only one has right."""
    for b, c in ((0, 0), (3, 2), (9, 3), (14, 3), (30, 10), (8, 9)):
        _, (low, high) = accuracy_difference(b, c, 200)
        exact = binomtest(b, b + c).pvalue if b + c else 1.0
        if exact < 0.02:
            assert low > 0 or high < 0
        if exact > 0.2:
            assert low <= 0 <= high


def test_the_interval_covers_the_truth_at_its_level() -> None:
    random = np.random.default_rng(0)
    for gained, lost, pictures in ((0.1, 0.05, 90), (0.03, 0.03, 90), (0.12, 0.02, 400)):
        drawn = random.multinomial(pictures, [gained, lost, 1 - gained - lost], 4000)
        inside = [
            low <= gained - lost <= high
            for b, c, _ in drawn
            for _, (low, high) in [accuracy_difference(int(b), int(c), pictures)]
        ]
        assert 0.94 < np.mean(inside) < 0.99


def run_with(folder: Path, right: list[bool]) -> Run:
    folder.mkdir()
    labels = np.zeros(len(right), np.int64)
    logits = np.array([[1.0, 0.0] if fine else [0.0, 1.0] for fine in right], np.float32)
    hashes = np.array([f"{n}" for n in range(len(right))])
    np.savez(
        folder / "predictions.npz",
        labels=labels,
        logits=logits,
        hashes=hashes,
        indices=np.arange(len(right)),
    )
    return Run(folder)


def test_two_runs_are_compared_picture_by_picture(tmp_path: Path) -> None:
    base = run_with(tmp_path / "a", [True] * 50 + [False] * 50)
    best = run_with(tmp_path / "b", [False] * 2 + [True] * 88 + [False] * 10)
    result = compare(base, best)
    assert (result["better"], result["worse"], result["pictures"]) == (40, 2, 100)
    assert result["difference"] == pytest.approx(0.38)
    assert result["base"]["accuracy"] == pytest.approx(0.5)
    assert result["best"]["interval"][0] < 0.88 < result["best"]["interval"][1]
    with pytest.raises(BadInputError, match="same pictures"):
        compare(base, run_with(tmp_path / "c", [True] * 9))
    with pytest.raises(BadInputError, match="no test predictions"):
        compare(base, Run(tmp_path / "none"))


def test_the_summary_claims_no_more_than_the_interval_shows(tmp_path: Path) -> None:
    def summary(base: list[bool], best: list[bool], name: str) -> str:
        comparison = compare(
            run_with(tmp_path / f"{name}1", base), run_with(tmp_path / f"{name}2", best)
        )
        return search_summary(12, 5, comparison, "default settings")

    assert "It is better." in summary([False] * 30 + [True] * 60, [True] * 90, "clear")
    assert "may be chance" in summary([False] * 2 + [True] * 88, [True] * 90, "close")
    worse = summary([True] * 90, [False] * 2 + [True] * 88, "worse")
    assert "keep the default settings" in worse
    assert "keep them" in search_summary(12, 0, None, "default settings")
    assert "could not be compared" in search_summary(12, 3, None, "default settings")
