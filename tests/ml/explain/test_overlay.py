"""A heat map over a picture: where it is hot is told by lightness as well as by colour."""

import numpy as np
import pytest

from ml.explain.overlay import LUMA, colours, overlay, stretched

PICTURE = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)


def test_the_hotter_a_place_the_lighter_its_colour() -> None:
    lightness = colours(np.linspace(0, 1, 101)) @ LUMA
    assert (np.diff(lightness) > 0).all()


def test_the_hottest_place_of_the_map_is_where_it_is_in_the_picture() -> None:
    heat = np.zeros((3, 4))
    heat[2, 1] = 1
    shown = overlay(np.full((30, 40, 3), 128, np.uint8), heat).astype(float) @ LUMA
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    assert 20 <= row < 30
    assert 10 <= column < 20


def test_every_place_of_a_map_as_large_as_the_picture_has_its_own_colour() -> None:
    heat = np.random.default_rng(1).random((30, 40))
    np.testing.assert_allclose(overlay(PICTURE, heat, 1.0), colours(heat), atol=0.51)


def test_without_strength_the_picture_is_there_in_grey() -> None:
    grey = np.rint(PICTURE @ LUMA)
    assert (overlay(PICTURE, np.ones((2, 2)), 0.0) == grey[:, :, None]).all()
    one = overlay(PICTURE[:, :, :1], np.ones((2, 2)), 0.0)
    assert (one == PICTURE[:, :, :1]).all()


def test_a_map_is_stretched_from_0_to_1_and_a_flat_one_is_cold() -> None:
    assert stretched(np.array([[2.0, 4.0, 3.0]])).tolist() == [[0.0, 1.0, 0.5]]
    assert stretched(np.full((2, 2), 7.0)).tolist() == [[0.0, 0.0]] * 2
    with pytest.raises(ValueError, match="not numbers"):
        stretched(np.array([[np.nan, 1.0]]))
