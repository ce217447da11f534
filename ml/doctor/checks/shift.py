"""Check of distribution shift: test pictures that look different from the training pictures."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.doctor.check_context import CheckContext
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import listed

MIN_PICTURES_PER_SPLIT = 30
MAX_P_VALUE = 0.001
"""Of all traits together (Bonferroni)."""
MIN_DISTANCE = 0.25
"""Of two distributions, by Kolmogorov and Smirnov; a smaller one is not reported."""

Column = npt.NDArray[np.float64]


@check(
    Kind(
        "shift",
        label="Test pictures of another kind",
        advice="If the test is what you will classify, add training pictures like it; otherwise "
        "draw the test anew.",
        order=160,
        follows_split=True,
    ),
)
def shift(context: CheckContext) -> Iterator[Finding]:
    """A significant and large difference between training and test, trait by trait."""
    readable = context.statistics["width"] > 0
    train, test = (
        np.flatnonzero((context.split_numbers == 0) & readable),
        np.flatnonzero((context.split_numbers == 2) & readable),
    )
    if min(len(train), len(test)) < MIN_PICTURES_PER_SPLIT:
        return
    traits = _traits(context)
    shifts: dict[str, float] = {}
    for (less, more), values in traits.items():
        distance, p_value = kolmogorov_smirnov(values[train], values[test])
        if p_value < MAX_P_VALUE / len(traits) and distance >= MIN_DISTANCE:
            higher = np.median(values[test]) > np.median(values[train])
            shifts[more if higher else less] = distance
    if not shifts:
        return
    comparatives = sorted(shifts, key=lambda word: -shifts[word])
    yield context.finding(
        kind="shift",
        severity="high" if max(shifts.values()) >= 2 * MIN_DISTANCE else "medium",
        title=f"The test pictures are {listed(comparatives)} than those trained on.",
        why=(
            "A score on pictures of another kind says how well that is borne, and little of how "
            "well the classes are told apart."
        ),
        about=" ".join(sorted(shifts)),
        fixes=[Fix("Draw the test anew", [{"do": "draw_test", "seed": 0}])],
    )


def kolmogorov_smirnov(one: Column, other: Column) -> tuple[float, float]:
    """The two-sample Kolmogorov-Smirnov test: distance, 0 to 1, and asymptotic p-value."""
    one, other = np.sort(one), np.sort(other)
    pooled = np.concatenate([one, other])
    shares = (np.searchsorted(side, pooled, "right") / len(side) for side in (one, other))
    distance = float(np.abs(np.subtract(*shares)).max())
    scaled = distance * np.sqrt(len(one) * len(other) / (len(one) + len(other)))
    terms = np.arange(1, 101)
    tail = 2 * float(((-1.0) ** (terms - 1) * np.exp(-2 * (terms * scaled) ** 2)).sum())
    return distance, min(max(tail, 0.0), 1.0) if scaled > 0.2 else 1.0


def _traits(context: CheckContext) -> dict[tuple[str, str], Column]:
    """Each trait of every item, with the words for less and for more of it."""
    statistics = context.statistics
    names = ("red", "green", "blue", "width", "height", "contrast", "light", "sharp")
    of = {name: statistics[name].astype(np.float64) for name in names}
    return {
        ("smaller", "larger"): np.log(np.maximum(of["width"] * of["height"], 1)),
        ("narrower", "wider"): np.log(np.maximum(of["width"], 1) / np.maximum(of["height"], 1)),
        ("darker", "brighter"): of["light"],
        ("flatter in contrast", "richer in contrast"): of["contrast"],
        ("greener", "redder"): of["red"] - of["green"],
        ("bluer", "yellower"): (of["red"] + of["green"]) / 2 - of["blue"],
        ("more blurred", "sharper"): np.log(of["sharp"] / (of["contrast"] ** 2 + 1) + 1e-6),
    }
