"""The examples in the docstrings hold."""

import doctest
import importlib

import pytest

MODULES = (
    *(f"dashboard.{name}" for name in ("navigation", "words", "charts", "forms", "text")),
    *("dashboard.components.train.run_outcome", "ml.text.format"),
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
