"""The map: alike lies together, and the same pictures lie where they lay."""

import numpy as np
import pytest

from ml.doctor import similarity_map
from ml.doctor.similarity_map import place
from tests.ml.doctor.test_logistic_regression import blobs


def near_of_same_kind(placed: np.ndarray, labels: np.ndarray) -> float:
    apart = ((placed[:, None] - placed[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return float((labels[apart.argmin(1)] == labels).mean())


def test_alike_lies_together_in_the_unit_square() -> None:
    columns, labels = blobs(120, 3)
    placed = place(columns)
    assert placed.shape == (120, 2)
    assert placed.min() == 0
    assert placed.max() == 1
    assert near_of_same_kind(placed, labels) == 1
    np.testing.assert_array_equal(placed, place(columns))


def test_those_beyond_the_most_lie_with_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity_map, "MOST", 60)
    columns, labels = blobs(150, 3)
    assert near_of_same_kind(place(columns), labels) == 1


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_pictures_are_put_on_a_line(count: int) -> None:
    assert place(np.ones((count, 8), np.float32)).shape == (count, 2)


def test_equal_pictures_have_a_place_too() -> None:
    assert np.isfinite(place(np.ones((40, 8), np.float32))).all()
