"""Check of bursts: capture series of one scene or person that a split divides."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml.doctor.capture_series import CaptureOrder, capture_order, find_series
from ml.doctor.check_context import CheckContext
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are, percentage

MIN_GAIN_FOR_HIGH_SEVERITY = 0.02
"""Of accuracy, by which torn series flatter the score."""
MIN_GAIN_MENTIONED = 0.005
MAX_SERIES_SHOWN = 60
"""At most so many series are listed in the finding; the fix has all of them."""


@check(
    Kind(
        "burst",
        label="Series torn apart by the split",
        advice="Keep each series on one side of the split.",
        order=70,
        follows_split=True,
    ),
)
def bursts(context: CheckContext) -> Iterator[Finding]:
    """Series by capture time or file number, where their pictures are alike and on two sides."""
    version = context.version
    if any(version.items[item].group is not None for item in context.items):
        return  # somebody has said already what belongs together
    order = capture_order(
        context.items.tolist(), context.statistics["time"], [i.file for i in version.items]
    )
    if order is None:
        return
    series = find_series(order, context.features, context.labels)
    torn = [run for run in series if len({context.split_numbers[item] for item in run} - {-1}) > 1]
    if torn:
        yield _finding(context, order, series, torn)


def _finding(
    context: CheckContext, order: CaptureOrder, series: list[list[int]], torn: list[list[int]]
) -> Finding:
    groups: list[str | None] = [None] * len(context.version.items)
    group_ids = context.group_ids.copy()
    for number, run in enumerate(series, 1):
        for item in run:
            groups[item] = f"series {number:03}"
        group_ids[np.isin(group_ids, group_ids[run])] = group_ids[run[0]]
    grouped_accuracy = context.cross_validated_accuracy(group_ids)
    mixed_accuracy = context.cross_validated_accuracy(context.group_ids)
    gain = mixed_accuracy - grouped_accuracy
    items = sorted(item for run in torn for item in run)
    figures = (
        f"{percentage(mixed_accuracy, digits=1)} correct mixed, "
        f"{percentage(grouped_accuracy, digits=1)} with whole series kept apart"
    )
    if gain >= MIN_GAIN_MENTIONED:
        trial = f"a quick trial gets {figures}."
    else:
        trial = f"here a quick trial shows no such gain ({figures}), a longer training may."
    edits: list[dict[str, Any]] = [
        {"do": "set_groups", "groups": groups},
        {"do": "draw_test", "seed": 0},
    ]
    return context.finding(
        kind="burst",
        severity="high" if gain >= MIN_GAIN_FOR_HIGH_SEVERITY else "medium",
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
        groups=sorted(torn, key=len, reverse=True)[:MAX_SERIES_SHOWN],
        fixes=[Fix("Split by series", edits)],
    )
