"""The charts of a search: nothing is left out, nothing is shown better than it is."""

from typing import Any

from dashboard.charts import tuning as tuning_charts
from ml.tuning.search_space import Axis
from ml.tuning.sweep import Trial

AXES = (
    Axis("learning_rate", 1e-4, 1e-2, log=True),
    Axis("batch_size", 16, 256, log=True, whole=True),
    Axis("augment", choices=("none", "light", "strong")),
)


def trial(number: int, accuracy: float | None, state: str = "done", **values: Any) -> Trial:
    usual = {"learning_rate": 1e-3, "batch_size": 32, "augment": "light"}
    return Trial(number, usual | values, state=state, score=accuracy, accuracy=accuracy)


TRIALS = [
    trial(0, 0.7),
    trial(1, 0.9, "pruned", learning_rate=1e-2),
    trial(2, 0.8, batch_size=256),
    trial(3, None, "failed", augment="strong"),
    trial(4, 0.75, augment="none"),
    trial(5, None, "running"),
]


def test_the_best_so_far_never_falls_and_counts_whole_trials_alone() -> None:
    assert tuning_charts.best_so_far(TRIALS) == [(0, 0.7), (2, 0.8), (4, 0.8)]


def test_each_trial_with_a_figure_is_marked_once() -> None:
    _, complete, early = tuning_charts.progress(TRIALS)["data"]
    assert sorted(complete["x"] + early["x"]) == [0, 1, 2, 4]
    assert dict(zip(early["x"], early["y"], strict=True)) == {1: 90.0}


def test_parallel_lines_stay_on_their_axes_and_the_best_is_drawn_last() -> None:
    figure = tuning_charts.parallel(AXES, TRIALS, 2)
    lines = figure["data"]
    assert lines[-1]["name"] == "Best"
    assert {line["name"] for line in lines} == {"Start", "Trial 1", "Best", "Trial 4"}
    for line in lines:
        assert len(line["y"]) == len(AXES) + 1
        assert all(0 <= at <= 1 for at in line["y"])
    assert lines[-1]["y"][1] == 1


def test_the_table_twin_holds_the_settings_themselves() -> None:
    head, *rows = tuning_charts.parallel(AXES, TRIALS, 2)["table"]
    assert head == [
        *("Trial", "Learning rate", "Batch size", "Augmentation"),
        *("Validation accuracy", ""),
    ]
    assert [row[0] for row in rows] == [0, 1, 2, 4]
    assert rows[1] == [1, "0.01", "32", "Light", "90.0 %", "ended early"]


def test_no_trial_or_equal_ones_are_drawn_all_the_same() -> None:
    assert tuning_charts.parallel(AXES, [], None)["data"] == []
    assert tuning_charts.progress([])["data"][0]["x"] == []
    same = tuning_charts.parallel(AXES, [trial(0, 0.5), trial(1, 0.5)], 0)
    assert {line["y"][-1] for line in same["data"]} == {0.5}


def test_bars_and_rates_show_what_was_found() -> None:
    bars = tuning_charts.importances({"augment": 0.2, "learning_rate": 0.8})["data"][0]
    assert (bars["y"], bars["x"]) == (["Learning rate", "Augmentation"], [80.0, 20.0])
    measured = {"rates": [0.001, 0.01], "losses": [1.0, 0.5], "pick": 0.01}
    figure = tuning_charts.rates(measured)
    assert figure["data"][0]["x"] == [0.001, 0.01]
    assert figure["layout"]["shapes"][0]["x0"] == 0.01
