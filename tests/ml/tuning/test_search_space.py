"""Search space: each axis is valid, holds the base, and leaves the task alone."""

from dataclasses import fields

import pytest

from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.tuning.search_space import Axis, axis_of, default_fields, searchable

FROZEN = TrainConfig(dataset="hands")
SCRATCH = TrainConfig(dataset="hands", pretrained=False, freeze_backbone=False, optimizer="sgd")


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
