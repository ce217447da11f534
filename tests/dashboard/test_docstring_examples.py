"""The examples in the docstrings hold: of every module of the dashboard, and of ``ml.text``."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATHS = [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "ml" / "text").glob("*.py")]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in PATHS
    if ">>>" in path.read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    assert {"dashboard.text.wording", "ml.text.format"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
