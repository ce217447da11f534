"""The map: alike lies together, and the same pictures lie where they lay."""

import numpy as np
import pytest

from ml.doctor import similarity_map
from ml.doctor.similarity_map import map_positions
from tests.ml.doctor.test_logistic_regression import blobs


def near_of_same_kind(positions: np.ndarray, labels: np.ndarray) -> float:
    distances = ((positions[:, None] - positions[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    return float((labels[distances.argmin(1)] == labels).mean())


def test_alike_lies_together_in_the_unit_square() -> None:
    columns, labels = blobs(120, 3)
    positions = map_positions(columns)
    assert positions.shape == (120, 2)
    assert positions.min() == 0
    assert positions.max() == 1
    assert near_of_same_kind(positions, labels) == 1
    np.testing.assert_array_equal(positions, map_positions(columns))


def test_those_beyond_the_most_lie_with_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity_map, "MAX_PICTURES_FOR_TSNE", 60)
    columns, labels = blobs(150, 3)
    assert near_of_same_kind(map_positions(columns), labels) == 1


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_pictures_are_put_on_a_line(count: int) -> None:
    assert map_positions(np.ones((count, 8), np.float32)).shape == (count, 2)


def test_equal_pictures_have_a_place_too() -> None:
    assert np.isfinite(map_positions(np.ones((40, 8), np.float32))).all()
