"""The examples in the docstrings of the dashboard hold."""

import doctest
import importlib

import pytest

MODULES = ("navigation", "words", "charts", "forms", "text", "components.outcome")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"dashboard.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
