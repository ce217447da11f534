"""Remarks: each rule on a scripted situation, and silence where there is nothing to say."""

import dataclasses

import pytest

from ml.coach import remark
from ml.events import EpochEnd


def epochs(train: list[float], val: list[float], accuracy: list[float] | None = None):
    right = accuracy or [0.5 + 0.01 * n for n in range(len(val))]
    return [
        EpochEnd(n + 1, (n + 1) * 10, train[n], 0.5, val[n], right[n]) for n in range(len(train))
    ]


SITUATIONS = {
    "rate_too_high": epochs([1.0, 1.8], [1.0, 2.0]),
    "not_learning": epochs([2.3, 2.3, 2.3], [2.3, 2.3, 2.3], [0.1, 0.1, 0.1]),
    "overfitting": epochs([1.0, 0.6, 0.4, 0.3], [0.9, 0.7, 0.8, 0.9]),
    "improving": epochs([1.0, 0.8, 0.6], [1.0, 0.8, 0.7]),
    "plateau": epochs([0.5] * 6, [0.60, 0.605, 0.61, 0.60, 0.605, 0.61]),
}


@pytest.mark.parametrize("code", SITUATIONS)
def test_each_situation_gets_its_remark(code: str) -> None:
    note = remark(SITUATIONS[code], classes=10)
    assert note is not None
    assert note.code == code


@pytest.mark.parametrize(
    "quiet",
    [
        epochs([1.0], [1.0]),
        epochs([0.10, 0.09, 0.08], [0.132, 0.138, 0.145]),  # a small loss that jumps a little
        epochs([1.0, 0.9], [None, None]),
    ],
)
def test_nothing_is_said_where_there_is_nothing_to_say(quiet) -> None:
    assert remark(quiet, classes=10) is None


def test_overfitting_names_the_epoch_since_when_and_its_evidence() -> None:
    text = remark(SITUATIONS["overfitting"], classes=10).text
    assert "since epoch 2" in text
    assert "0.70 to 0.90" in text


def test_a_plateau_names_the_epoch_whose_model_is_kept() -> None:
    flat = epochs([0.5] * 9, [0.60, 0.605, 0.61, 0.60, 0.605, 0.61, 0.62, 0.61, 0.61])
    kept = [dataclasses.replace(item, best=item.epoch in (1, 3)) for item in flat]
    assert "that of epoch 3" in remark(kept, classes=10).text
