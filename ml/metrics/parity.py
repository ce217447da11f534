"""Whether an exported file answers as the network does, measured on a run's own pictures. Light."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.metrics.calibration import softmax

LOOKED_AT = 8
"""So many test pictures go through the file and through torch where features are kept."""
COMPARED = 1000
"""Where none are kept, at most so many go through torch: it takes longer than the file."""
LOWEST_AGREEMENT = 0.99
"""Below this share of test pictures on which the exported file agrees with torch, we warn."""
LARGEST_DIFFERENCE = 0.05
"""So we do where a probability differs by more than this."""


def compared(test: int, *, kept: bool) -> int:
    """How many of the ``test`` pictures are compared; features are ``kept`` or not."""
    return min(test, LOOKED_AT if kept else COMPARED)


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
        parity["top1_agreement"] >= LOWEST_AGREEMENT
        and parity["max_probability_difference"] <= LARGEST_DIFFERENCE
    )


def sentence(parity: dict[str, Any]) -> str:
    """The warning for a report on a file that does not."""
    return (
        f"The exported model agrees with the trained one on only {parity['top1_agreement']:.1%} "
        f"of the test pictures, and a probability differs by up to "
        f"{parity['max_probability_difference']:.2f}. The figures here are those of the exported "
        "model."
    )
