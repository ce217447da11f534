"""Largest batch: doubling stops at memory, time or pictures; the fastest is the smallest near."""

import pytest

from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.tuning import largest_batch as largest_batch_module
from ml.tuning.largest_batch import Measurement, extrapolate_largest, fastest, largest_batch
from ml.workspace import Workspace
from tests.helpers.searches import SETTINGS


def steps_of(base: int, each: int, *batches: int) -> list[Measurement]:
    return [Measurement(one, base + each * one, 0.01 * one, 100.0) for one in batches]


def test_the_largest_batch_is_extrapolated_to_the_memory_limit() -> None:
    steps = steps_of(1000, 10, 4, 8, 16)
    assert extrapolate_largest(steps, 1000 + 10 * 103, 4096) == 100, "a multiple of 4 that fits"
    assert extrapolate_largest(steps, 10**9, 50) == 50
    assert extrapolate_largest(steps, 0, 4096) == 16, "what was measured did fit"
    assert largest_batch_module._stop_reason(steps, 32, 1000 + 10 * 31) == "memory"
    assert largest_batch_module._stop_reason(steps, 32, 1000 + 10 * 33) == ""
    slow = [Measurement(4, 10, 6.0, 1.0)]
    assert largest_batch_module._stop_reason(slow, 8, 10**9) == "time"


def test_the_fastest_batch_is_the_smallest_nearly_as_fast() -> None:
    speeds = {4: 100.0, 8: 180.0, 16: 196.0, 32: 200.0, 64: 150.0}
    assert fastest([Measurement(batch, 0, 1.0, speed) for batch, speed in speeds.items()]) == 16


def test_batches_are_doubled_within_memory_and_pictures(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(**SETTINGS)
    result = largest_batch(workspace, config, 3, 40)
    assert [step["batch"] for step in result["steps"]] == [4, 8, 16, 32]
    assert (result["largest"], result["why"]) == (40, "pictures")
    memory_peaks = iter([100, 200, 400, 800])
    monkeypatch.setattr(largest_batch_module, "_memory_peak", lambda device: next(memory_peaks))
    monkeypatch.setattr(largest_batch_module, "_memory_limit", lambda device: 700)
    result = largest_batch(workspace, config, 3, 4000)
    assert [step["batch"] for step in result["steps"]] == [4, 8, 16]
    assert (result["largest"], result["why"]) == (28, "memory")
    with pytest.raises(BadInputError, match="every batch fits"):
        largest_batch(workspace, TrainConfig(dataset="noise"), 3, 100)
