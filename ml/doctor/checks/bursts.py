"""Shots of one scene or person that a split tears apart: the score says little of others."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml.doctor.capture_series import Order, find_series, order_of
from ml.doctor.check_context import Case
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are, percentage

MUCH = 0.02
"""A score flattered by this much is the first thing to mend."""
WORTH_TELLING = 0.005
SHOWN = 60
"""So many series are shown together; the fix has all of them."""


@check(
    Kind(
        "burst",
        label="Series torn apart by the split",
        advice="Keep each series on one side of the split.",
        order=70,
        follows_split=True,
    ),
)
def bursts(case: Case) -> Iterator[Finding]:
    """Series by capture time or file number, where their pictures are alike and on two sides."""
    version = case.version
    if any(version.items[item].group is not None for item in case.items):
        return  # somebody has said already what belongs together
    order = order_of(case.items.tolist(), case.looks["time"], [i.file for i in version.items])
    if order is None:
        return
    series = find_series(order, case.features, case.labels)
    torn = [run for run in series if len({case.sides[item] for item in run} - {-1}) > 1]
    if torn:
        yield _finding(case, order, series, torn)


def _finding(case: Case, order: Order, series: list[list[int]], torn: list[list[int]]) -> Finding:
    groups: list[str | None] = [None] * len(case.version.items)
    units = case.units.copy()
    for number, run in enumerate(series, 1):
        for item in run:
            groups[item] = f"series {number:03}"
        units[np.isin(units, units[run])] = units[run[0]]
    apart, mixed = case.accuracy_of(units), case.accuracy_of(case.units)
    gain = mixed - apart
    items = sorted(item for run in torn for item in run)
    figures = (
        f"{percentage(mixed, digits=1)} correct mixed, {percentage(apart, digits=1)} with whole "
        "series kept apart"
    )
    if gain >= WORTH_TELLING:
        trial = f"a quick trial gets {figures}."
    else:
        trial = f"here a quick trial shows no such gain ({figures}), a longer training may."
    fix: list[dict[str, Any]] = [
        {"do": "set_groups", "groups": groups},
        {"do": "draw_test", "seed": 0},
    ]
    return case.finding(
        kind="burst",
        severity="high" if gain >= MUCH else "medium",
        title=(
            f"{count(len(torn), 'series', 'series')} of shots, {count(len(items), 'picture')}, "
            f"{is_or_are(len(torn))} on two sides of the split."
        ),
        why=f"A model that has seen one shot of a person or scene knows the next: {trial}",
        advice=(
            f"Keep each series on one side, by {order.source}. This draws the test anew, so scores "
            "before and after cannot be compared."
        ),
        items=items,
        groups=sorted(torn, key=len, reverse=True)[:SHOWN],
        fixes=[Fix("Split by series", fix)],
    )
