"""Test pictures that look different from those trained on: larger, darker, of other colours."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.doctor.check_context import Case
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import listed

ENOUGH = 30
CHANCE = 0.001
"""How rarely chance alone may raise an alarm, for all traits together."""
EFFECT = 0.25
"""The least distance of two distributions (Kolmogorov and Smirnov) that is worth a word."""

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
def shift(case: Case) -> Iterator[Finding]:
    """A significant and large difference between training and test, trait by trait."""
    seen = case.looks["width"] > 0
    train, test = np.flatnonzero((case.sides == 0) & seen), np.flatnonzero((case.sides == 2) & seen)
    if min(len(train), len(test)) < ENOUGH:
        return
    traits = _traits(case)
    found: dict[str, float] = {}
    for (less, more), values in traits.items():
        distance, chance = compare(values[train], values[test])
        if chance < CHANCE / len(traits) and distance >= EFFECT:
            higher = np.median(values[test]) > np.median(values[train])
            found[more if higher else less] = distance
    if not found:
        return
    words = sorted(found, key=lambda word: -found[word])
    yield case.finding(
        kind="shift",
        severity="high" if max(found.values()) >= 2 * EFFECT else "medium",
        title=f"The test pictures are {listed(words)} than those trained on.",
        why=(
            "A score on pictures of another kind says how well that is borne, and little of how "
            "well the classes are told apart."
        ),
        about=" ".join(sorted(found)),
        fixes=[Fix("Draw the test anew", [{"do": "draw_test", "seed": 0}])],
    )


def compare(one: Column, other: Column) -> tuple[float, float]:
    """The distance of two distributions, and how probable as large a one is by chance: the
    two-sample test of Kolmogorov and Smirnov, by its limit for many pictures."""
    one, other = np.sort(one), np.sort(other)
    both = np.concatenate([one, other])
    shares = (np.searchsorted(side, both, "right") / len(side) for side in (one, other))
    distance = float(np.abs(np.subtract(*shares)).max())
    scaled = distance * np.sqrt(len(one) * len(other) / (len(one) + len(other)))
    terms = np.arange(1, 101)
    tail = 2 * float(((-1.0) ** (terms - 1) * np.exp(-2 * (terms * scaled) ** 2)).sum())
    return distance, min(max(tail, 0.0), 1.0) if scaled > 0.2 else 1.0


def _traits(case: Case) -> dict[tuple[str, str], Column]:
    """Each trait of every item, with the words for less and for more of it."""
    looks = case.looks
    names = ("red", "green", "blue", "width", "height", "contrast", "light", "sharp")
    of = {name: looks[name].astype(np.float64) for name in names}
    return {
        ("smaller", "larger"): np.log(np.maximum(of["width"] * of["height"], 1)),
        ("narrower", "wider"): np.log(np.maximum(of["width"], 1) / np.maximum(of["height"], 1)),
        ("darker", "brighter"): of["light"],
        ("flatter in contrast", "richer in contrast"): of["contrast"],
        ("greener", "redder"): of["red"] - of["green"],
        ("bluer", "yellower"): (of["red"] + of["green"]) / 2 - of["blue"],
        ("more blurred", "sharper"): np.log(of["sharp"] / (of["contrast"] ** 2 + 1) + 1e-6),
    }
