"""Range test: the pick lies before the divergence; nothing is written."""

import numpy as np
import pytest

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.errors import MLError
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
