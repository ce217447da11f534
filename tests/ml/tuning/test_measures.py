"""The range test and the largest batch: what they pick, what they leave alone, what they refuse."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.__main__ import main
from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.errors import BadInputError, MLError
from ml.tuning import largest_batch as measuring
from ml.tuning.largest_batch import Measurement, extrapolate_largest, fastest, largest_batch
from ml.tuning.range_test import MIN_RATE, range_test, valley
from ml.workspace import Workspace
from tests.helpers.searches import SETTINGS, noise_dataset


def curve(best: float, edge: float) -> tuple[list[float], list[float]]:
    """A loss that falls fastest at ``best`` and explodes at ``edge``."""
    rates = np.geomspace(1e-6, 10, 120)
    fall = 1 / (1 + (rates / best) ** -2)
    return rates.tolist(), (2.3 - 1.8 * fall + (rates / edge) ** 3).tolist()


@pytest.mark.parametrize(("best", "edge"), [(1e-3, 0.1), (1e-2, 0.3), (3e-5, 1e-3)])
def test_the_valley_lies_before_the_divergence(best: float, edge: float) -> None:
    assert best / 10 < valley(*curve(best, edge)) < edge


def test_a_loss_that_never_falls_has_no_valley() -> None:
    with pytest.raises(MLError, match="did not fall"):
        valley([1e-4, 1e-3, 1e-2], [1.0, 2.0, 3.0])
    with pytest.raises(MLError):
        valley([], [])


def test_the_range_test_ends_at_divergence_and_writes_nothing(
    workspace: Workspace,
) -> None:
    version = noise_dataset(workspace)
    config = TrainConfig(**SETTINGS)
    shares: list[float] = []
    result = range_test(workspace, config, run_record(version, 0), shares.append, steps=60)
    assert result["rates"][0] == pytest.approx(MIN_RATE)
    assert result["rates"] == sorted(result["rates"])
    assert len(result["rates"]) == len(result["losses"])
    assert all(np.isfinite(result["losses"]))
    assert result["pick"] in [float(f"{rate:.2g}") for rate in result["rates"]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert not list(workspace.runs.iterdir())
    repeated = range_test(workspace, config, run_record(version, 0), steps=60)
    assert repeated == result, "the same seed, the same curve"


def steps_of(base: int, each: int, *batches: int) -> list[Measurement]:
    return [Measurement(one, base + each * one, 0.01 * one, 100.0) for one in batches]


def test_the_largest_batch_is_extrapolated_to_the_memory_limit() -> None:
    steps = steps_of(1000, 10, 4, 8, 16)
    assert extrapolate_largest(steps, 1000 + 10 * 103, 4096) == 100, "a multiple of 4 that fits"
    assert extrapolate_largest(steps, 10**9, 50) == 50
    assert extrapolate_largest(steps, 0, 4096) == 16, "what was measured did fit"
    assert measuring._stop_reason(steps, 32, 1000 + 10 * 31) == "memory"
    assert measuring._stop_reason(steps, 32, 1000 + 10 * 33) == ""
    slow = [Measurement(4, 10, 6.0, 1.0)]
    assert measuring._stop_reason(slow, 8, 10**9) == "time"


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
    monkeypatch.setattr(measuring, "_memory_peak", lambda device: next(memory_peaks))
    monkeypatch.setattr(measuring, "_memory_limit", lambda device: 700)
    result = largest_batch(workspace, config, 3, 4000)
    assert [step["batch"] for step in result["steps"]] == [4, 8, 16]
    assert (result["largest"], result["why"]) == (28, "memory")
    with pytest.raises(BadInputError, match="every batch fits"):
        largest_batch(workspace, TrainConfig(dataset="noise"), 3, 100)


def test_the_command_finds_rate_and_batch_and_refuses_bad_input(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_dataset(workspace)
    set_options = [f"--set={name}={value}" for name, value in SETTINGS.items() if name != "dataset"]
    start = ["tune", "--workspace", str(workspace.root), "--dataset", "noise", *set_options]

    def answer(*options: str) -> Any:
        assert main([*start, *options, "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    assert answer("--find", "rate")["pick"] > 0
    assert answer("--find", "batch")["largest"] > 0
    result = answer("--trials", "2", "--fields", "learning_rate", "--name", "mine")
    assert [trial["number"] for trial in result["trials"]] == [0, 1]
    assert set(result["trials"][1]["values"]) == {"learning_rate"}
    assert result["best"]["sentence"]
    assert main(["tune", "--workspace", str(workspace.root), "--better", "latest", "--set=seed=1"])
    assert main([*start, "--minutes", "0"]) == 2
    assert main([*start, "--fields", "device"]) == 2
    assert "device cannot be searched" in capsys.readouterr().err
