"""The choices of a run for its machine: what event logs of every age hold is read back."""

from typing import Any

import pytest

from ml.runs.choices import RunChoices, TimePlan

# As older versions wrote them into ``RunStarted.choices``.
WRITTEN = [
    {"device": "cpu", "layout": "channels_last", "threads": 2, "precision": "32"},
    {
        **{"device": "cuda", "layout": "channels_last", "threads": 8, "precision": "bf16"},
        **{"processes": 4, "computers": 2},
    },
    {
        **{"device": "cpu", "layout": "channels_last", "threads": 2, "precision": "32"},
        **{"epochs": 3, "batches": 0, "ending": 4.5},
    },
    {
        **{"device": "cpu", "layout": "channels_last", "threads": 2, "precision": "32"},
        **{"epochs": 3, "views": 2, "ending": 4.5},
    },
]


@pytest.mark.parametrize("content", WRITTEN)
def test_what_older_runs_hold_is_read_and_written_the_same(content: dict[str, Any]) -> None:
    assert RunChoices.from_json(content).to_json() == content


@pytest.mark.parametrize("content", [{}, {"device": "cpu", "of_another_version": 1}])
def test_what_is_missing_takes_its_default_and_what_is_unknown_is_left_out(
    content: dict[str, Any],
) -> None:
    assert RunChoices.from_json(content) == RunChoices(device="cpu")


def test_a_time_plan_is_read_back() -> None:
    plan = TimePlan(epochs=7, ending=1.5, batches=30)
    assert RunChoices.from_json(RunChoices("cpu", time=plan).to_json()).time == plan
    assert RunChoices("cpu", time=plan).batches == 30
    assert RunChoices("cpu", time=TimePlan(epochs=7, ending=1.5, views=2)).batches == 0
