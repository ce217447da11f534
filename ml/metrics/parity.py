"""Whether an exported file answers as the network does, measured on a run's own pictures. Light."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.metrics.calibration import softmax

MAX_COMPARED_OF_CACHED = 8
"""Test pictures that go through the file and through torch where features are cached."""
MAX_COMPARED = 1000
"""Test pictures that go through both where none are: torch takes longer than the file."""
MIN_AGREEMENT = 0.99
"""A report warns where file and torch agree on a smaller share of the test pictures."""
MAX_DIFFERENCE = 0.05
"""A report warns where a probability differs by more."""


def count_compared(test: int, *, cached: bool) -> int:
    """How many of the ``test`` pictures are compared; features are ``cached`` or not."""
    return min(test, MAX_COMPARED_OF_CACHED if cached else MAX_COMPARED)


def compare(
    logits: npt.NDArray[Any], by_torch: npt.NDArray[Any], temperature: float
) -> dict[str, Any]:
    """Parity of an exported file with torch, from both's logits (N, K) of the same pictures."""
    if not len(logits):
        return {"images": 0, "top1_agreement": 1.0, "max_probability_difference": 0.0}
    chances = softmax(logits, temperature), softmax(by_torch, temperature)
    return {
        "images": len(logits),
        "top1_agreement": float(np.mean(logits.argmax(axis=1) == by_torch.argmax(axis=1))),
        "max_probability_difference": float(np.abs(chances[0] - chances[1]).max()),
    }


def is_same(parity: dict[str, Any]) -> bool:
    """Whether the exported file answers as torch does, but for rounding."""
    return bool(
        parity["top1_agreement"] >= MIN_AGREEMENT
        and parity["max_probability_difference"] <= MAX_DIFFERENCE
    )


def sentence(parity: dict[str, Any]) -> str:
    """The warning for a report on a file that does not."""
    return (
        f"The exported model agrees with the trained one on only {parity['top1_agreement']:.1%} "
        f"of the test pictures, and a probability differs by up to "
        f"{parity['max_probability_difference']:.2f}. The figures here are those of the exported "
        "model."
    )
