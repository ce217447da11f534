"""Comparison: the paired interval agrees with exact tests, and the summary with the interval."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ml.errors import BadInputError
from ml.runs.folder import Run
from ml.tuning.comparison import accuracy_difference, compare, is_better, search_summary
from ml.workspace import Workspace


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_the_interval_contains_the_difference_and_is_antisymmetric(
    b: int, c: int, rest: int
) -> None:
    difference, (low, high) = accuracy_difference(b, c, b + c + rest)
    assert -1 <= low <= difference <= high <= 1
    back, (other_low, other_high) = accuracy_difference(c, b, b + c + rest)
    assert (back, other_low, other_high) == pytest.approx((-difference, -high, -low))


def test_the_interval_agrees_with_an_exact_test() -> None:
    """McNemar's exact test on the pictures that only one has right."""
    for b, c in ((0, 0), (3, 2), (9, 3), (14, 3), (30, 10), (8, 9)):
        _, (low, high) = accuracy_difference(b, c, 200)
        exact = binomtest(b, b + c).pvalue if b + c else 1.0
        if exact < 0.02:
            assert low > 0 or high < 0
        if exact > 0.2:
            assert low <= 0 <= high


def test_the_interval_covers_the_truth_at_its_level() -> None:
    random = np.random.default_rng(0)
    for gained, lost, pictures in ((0.1, 0.05, 90), (0.03, 0.03, 90), (0.12, 0.02, 400)):
        drawn = random.multinomial(pictures, [gained, lost, 1 - gained - lost], 4000)
        inside = [
            low <= gained - lost <= high
            for b, c, _ in drawn
            for _, (low, high) in [accuracy_difference(int(b), int(c), pictures)]
        ]
        assert 0.94 < np.mean(inside) < 0.99


def run_with(folder: Path, right: list[bool]) -> Run:
    folder.mkdir()
    labels = np.zeros(len(right), np.int64)
    logits = np.array([[1.0, 0.0] if fine else [0.0, 1.0] for fine in right], np.float32)
    hashes = np.array([f"{n}" for n in range(len(right))])
    np.savez(
        folder / "predictions.npz",
        labels=labels,
        logits=logits,
        hashes=hashes,
        indices=np.arange(len(right)),
    )
    return Run(folder)


def test_two_runs_are_compared_picture_by_picture(tmp_path: Path) -> None:
    base = run_with(tmp_path / "a", [True] * 50 + [False] * 50)
    best = run_with(tmp_path / "b", [False] * 2 + [True] * 88 + [False] * 10)
    result = compare(Workspace(tmp_path), base, best)
    assert (result["better"], result["worse"], result["pictures"]) == (40, 2, 100)
    assert result["difference"] == pytest.approx(0.38)
    assert result["base"]["accuracy"] == pytest.approx(0.5)
    assert result["best"]["interval"][0] < 0.88 < result["best"]["interval"][1]
    with pytest.raises(BadInputError, match="same pictures"):
        compare(Workspace(tmp_path), base, run_with(tmp_path / "c", [True] * 9))
    with pytest.raises(BadInputError, match="no test predictions"):
        compare(Workspace(tmp_path), base, Run(tmp_path / "none"))


def test_groups_widen_the_verdict_of_a_search(tmp_path: Path) -> None:
    def compared(groups: np.ndarray | None) -> dict[str, Any]:
        folder = tmp_path / ("alone" if groups is None else "grouped")
        folder.mkdir()
        base = run_with(folder / "a", [True] * 60 + [False] * 20)
        best = run_with(folder / "b", [True] * 72 + [False] * 8)
        if groups is not None:
            with np.load(base.folder / "predictions.npz") as stored:
                columns = dict(stored)
            np.savez(base.folder / "predictions.npz", groups=groups, **columns)
        return compare(Workspace(tmp_path), base, best)

    alone, grouped = compared(None), compared(np.arange(80) // 10)
    assert alone["groups"] is None
    assert alone["interval"][0] > 0 > grouped["interval"][0]
    assert "8 groups" in search_summary(12, 5, grouped, "default settings")
    assert "group" not in search_summary(12, 5, alone, "default settings")


def test_the_summary_claims_no_more_than_the_interval_shows(tmp_path: Path) -> None:
    def summary(base: list[bool], best: list[bool], name: str) -> str:
        comparison = compare(
            Workspace(tmp_path),
            run_with(tmp_path / f"{name}1", base),
            run_with(tmp_path / f"{name}2", best),
        )
        return search_summary(12, 5, comparison, "default settings")

    assert "It is better." in summary([False] * 30 + [True] * 60, [True] * 90, "clear")
    assert "may be chance" in summary([False] * 2 + [True] * 88, [True] * 90, "close")
    assert is_better({"interval": [0.01, 0.2]})
    assert not is_better({"interval": [-0.01, 0.2]}), "that may be chance: no winner is named"
    assert not is_better(None)
    worse = summary([True] * 90, [False] * 2 + [True] * 88, "worse")
    assert "keep the default settings" in worse
    assert "keep them" in search_summary(12, 0, None, "default settings")
    assert "could not be compared" in search_summary(12, 3, None, "default settings")
