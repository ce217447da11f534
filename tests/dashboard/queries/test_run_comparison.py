"""Runs beside one another."""

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.evaluate.disagreement import only_right, verdict
from dashboard.queries import results, run_comparison
from ml.config import TrainConfig
from ml.runs.events import EpochEnd, EventLog, RunStarted
from ml.utils.files import write_json
from tests.helpers import made_up_runs

SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 3),
        "seed": st.integers(0, 2),
        "optimizer": st.sampled_from(["sgd", "adamw"]),
        "learning_rate": st.sampled_from([0.1, 0.01]),
    },
)


@given(st.lists(SETTINGS, min_size=1, max_size=4))
def test_differences_are_those_settings_that_are_not_all_the_same(settings):
    configs = {str(place): TrainConfig(**values) for place, values in enumerate(settings)}
    differing = run_comparison.differences(configs)
    labels = {item.name: item.metadata["label"] for item in fields(TrainConfig)}
    wanted = {
        label: {run: getattr(config, name) for run, config in configs.items()}
        for name, label in labels.items()
        if len({getattr(config, name) for config in configs.values()}) > 1
    }
    assert dict(differing) == wanted


def test_a_curve_leaves_out_epochs_that_were_done_again(workspace):
    run = made_up_runs.queued(workspace, made_up_runs.dataset(workspace))
    log = EventLog(run.folder / "events.jsonl")
    log(RunStarted("m", "d", 3, 5))
    for epoch, value in ((1, 0.1), (2, 0.2), (3, 0.3)):
        log(EpochEnd(epoch, 5 * epoch, 1, 0.5, 1, value))
    log(RunStarted("m", "d", 3, 5, epoch=1, step=5, resumed=True))
    assert run_comparison.curve(run, "x", "accuracy").values == (0.1,)
    log(EpochEnd(2, 10, 1, 0.5, 1, 0.9))
    log.close()
    curve = run_comparison.curve(run, "x", "accuracy")
    assert (curve.epochs, curve.values) == ((1, 2), (0.1, 0.9))


def test_scores_compare_only_on_the_same_test_pictures(workspace):
    version = made_up_runs.dataset(workspace)
    first, second = (made_up_runs.queued(workspace, version) for _ in range(2))
    assert run_comparison.same_pictures([first, second])
    record = second.dataset
    write_json(second.folder / "dataset.json", record | {"splits": {"test": [1, 2]}})
    assert not run_comparison.same_pictures([first, second])
    other = made_up_runs.queued(workspace, made_up_runs.dataset(workspace, each=4, name="other"))
    assert not run_comparison.same_pictures([first, other])


def test_two_runs_are_told_apart_by_the_pictures_that_one_alone_has_right(workspace):
    version = made_up_runs.dataset(workspace)
    truths = [
        made_up_runs.predictions(version, seed, wrong) for seed, wrong in ((1, 0.2), (2, 0.6))
    ]
    one, other = (
        results.read(workspace, made_up_runs.finished(workspace, version, truth))
        for truth in truths
    )
    right = [truth.logits.argmax(1) == truth.labels for truth in truths]
    wanted = {place for place in range(30) if right[0][place] and not right[1][place]}
    places = only_right(one, other)
    assert set(places.tolist()) == wanted
    assert wanted
    sure = other.confidence[places]
    assert all(sure[:-1] >= sure[1:])


def differing(first, second, pictures=90):
    """1 where only the first of two runs is right, -1 where only the second is."""
    return np.repeat([1, -1, 0], [first, second, pictures - first - second])


def test_only_a_difference_that_chance_hardly_makes_is_called_one():
    assert "right about the same of 90 test pictures" in verdict(["A", "B"], differing(0, 0))
    assert "does not show that one is better" in verdict(["A", "B"], differing(5, 2))
    assert "in 45 % of tests" in verdict(["A", "B"], differing(5, 2))
    assert "B is better" in verdict(["A", "B"], differing(1, 12))
    assert "less than 0.1 %" in verdict(["A", "B"], differing(0, 20))


def test_pictures_of_one_group_count_as_one_difference():
    alone = verdict(["A", "B"], differing(0, 12))
    together = verdict(["A", "B"], differing(0, 12), np.repeat([0, 1, 2], [6, 6, 78]))
    assert "B is better" in alone
    assert "does not show that one is better" in together
    assert "pictures of one group count as one coin" in together
