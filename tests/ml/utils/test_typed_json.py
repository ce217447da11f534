"""Typed JSON: what fits a type is read, anything else counts as missing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.utils.files import read_json
from ml.utils.typed_json import (
    MAX_DEPTH,
    Between,
    Count,
    Moment,
    Share,
    fits,
    is_damaged,
    parse_json,
    read_typed,
)
from tests.helpers.damage import VALUES, WHOLE


class Inner(TypedDict):
    label: str
    share: Share | None


@dataclass
class Point:
    x: int
    y: float = 0.0


class Outer(TypedDict):
    count: Count
    when: NotRequired[Moment]
    inner: NotRequired[list[Inner]]
    span: NotRequired[tuple[float, float]]
    words: NotRequired[tuple[str, ...]]
    point: NotRequired[Point]
    kind: NotRequired[Literal["a", "b"]]
    anything: NotRequired[Any]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "[1, -1e999]", "", "{"])
def test_what_is_no_json_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_json(text)


def test_deep_nesting_is_an_error_and_no_recursion() -> None:
    with pytest.raises(ValueError, match="deep"):
        parse_json(VALUES["deep"])


@pytest.mark.parametrize("name", ["infinity", "not a number", "infinite", "deep", "binary", "cut"])
def test_damaged_file_reads_as_missing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(WHOLE[name])
    assert read_json(path, "default") == "default"
    assert read_typed(path, dict[str, Any]) is None
    assert is_damaged(path, dict[str, Any])
    assert not is_damaged(tmp_path / "none.json", dict[str, Any])


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("count", 3, True), ("count", True, False), ("count", -1, False), ("count", 2.0, False),
        ("count", 2**60, False), ("count", None, False), ("when", 1e308, False), ("when", 7, True),
        ("inner", [{"label": "a", "share": None}], True), ("inner", [{"label": "a"}], False),
        ("inner", {"label": "a"}, False), ("span", [0, 1.5], True), ("span", [0], False),
        ("words", ["a"], True), ("words", "a", False), ("point", {"x": 1}, True),
        ("point", {"y": 1}, False), ("kind", "b", True), ("kind", "c", False), ("kind", [], False),
        ("unknown", [[[]]], True), ("anything", {"a": [1, None]}, True),
    ],
)  # fmt: skip
def test_value_fits_its_type_or_does_not(key: str, value: Any, expected: bool) -> None:
    assert fits({"count": 1, key: value}, Outer) is expected


def test_value_of_any_type_is_not_deep() -> None:
    deep: Any = 0
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert fits(deep, Any)
    assert not fits([deep], Any)


@given(st.floats(), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_bounded_number_is_finite_and_within(value: float, low: float, width: float) -> None:
    kind = Annotated[float, Between(low, low + width)]
    assert fits(value, kind) == (low <= value <= low + width)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_json_value_is_judged_without_an_error(value: Any) -> None:
    for kind in (Outer, Inner, Point, list[Outer], dict[str, Count], Share | None):
        assert fits(value, kind) in (True, False)
        assert fits({"count": value, "inner": value, "point": value}, Outer) in (True, False)


def test_text_of_python_is_read_as_it_was_written() -> None:
    value = {"a": [1, 2.5, None, True, "é"], "b": {"c": -1e-7}}
    assert parse_json(json.dumps(value)) == value
