"""Numbers that do not mislead, and foreign text that stays text."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.text import markdown


def test_the_examples_in_the_module_hold():
    assert doctest.testmod(markdown).failed == 0


@given(st.floats(0, 1))
def test_only_all_is_called_all_and_only_none_is_called_none(share):
    text = markdown.percentage(share)
    if 1e-6 < share < 1 - 1e-6:
        assert text not in ("100 %", "0 %")
    assert abs(float(text.removesuffix(" %")) / 100 - share) <= 0.0051


@pytest.mark.parametrize("odd", [None, [0.1], [None, 1], "ab", [float("nan"), 1]])
def test_no_interval_is_shown_where_there_is_none(odd):
    assert markdown.span(odd) == ""


@given(st.text(max_size=60), st.integers(3, 30))
def test_a_shortened_name_keeps_both_ends(name, length):
    short = markdown.shortened(name, length)
    assert len(short) <= max(length, 0) or short == name
    if len(name) > length:
        assert len(short) == length
        assert name.startswith(short.split("…")[0])
