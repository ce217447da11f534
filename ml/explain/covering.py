"""Occlusion maps: what covering a part of a picture does to the answer; and the check of any map.

It asks the exported model alone, so it works for transformers too (occlusion: Zeiler and Fergus
2013, https://arxiv.org/abs/1311.2901).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ml.explain.heat import hottest

Ask = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float64]]
"""Pictures uint8 (n, S, S, C) to the probability of each class: (n, K)."""
CELLS = 7
"""The picture is covered at so many by so many places: 49 answers."""
REACH = 1.5
"""A cover is so much wider than the step from one to the next, so that they overlap."""
MIN_PROBABILITY = 1e-12
COVERED_SHARE = 0.2
"""The share of the picture that ``check`` covers."""
RANDOM_COVERS = 4
"""With how many random covers ``check`` compares."""


def cover(picture: npt.NDArray[np.uint8], hidden: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """``picture`` (S, S, C) with its own mean colour where ``hidden`` (S, S) is true."""
    changed = picture.copy()
    changed[hidden] = picture.reshape(-1, picture.shape[2]).mean(0).round().astype(np.uint8)
    return changed


def occlusion(ask: Ask, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What each class loses while a place of ``picture`` (S, S, C) is covered: (K, h, h), in the
    logarithm of its probability, which moves where the answer is quite sure too."""
    side = len(picture)
    cells = min(CELLS, side)
    step = side / cells
    covered = []
    for row in range(cells):
        for column in range(cells):
            hidden = np.zeros((side, side), bool)
            ends = [
                (max(0, round(middle - REACH * step / 2)), round(middle + REACH * step / 2))
                for middle in ((row + 0.5) * step, (column + 0.5) * step)
            ]
            hidden[ends[0][0] : ends[0][1], ends[1][0] : ends[1][1]] = True
            covered.append(cover(picture, hidden))
    probabilities = np.log(ask(np.stack([picture, *covered])) + MIN_PROBABILITY)
    return np.asarray(
        (probabilities[:1] - probabilities[1:]).T.reshape(-1, cells, cells), np.float32
    )


def check(
    ask: Ask, picture: npt.NDArray[np.uint8], heat: npt.NDArray[np.float32], label: int
) -> dict[str, float]:
    """Whether what a map (h, w) shows matters: the probability of class ``label`` as it is
    (``before``), with the hottest fifth covered (``covered``), and with as much covered at places
    drawn by lot (``elsewhere``, the mean of a few), which a good map must beat."""
    side = len(picture)
    hidden = [hottest(heat, side, COVERED_SHARE)]
    for seed in range(RANDOM_COVERS):
        # Lumps like those of a map, not scattered pixels, which hide nothing.
        drawn = np.random.default_rng(seed).random(heat.shape).astype(np.float32)
        hidden.append(hottest(drawn, side, COVERED_SHARE))
    probabilities = ask(np.stack([picture, *(cover(picture, one) for one in hidden)]))[:, label]
    return {
        "before": float(probabilities[0]),
        "covered": float(probabilities[1]),
        "elsewhere": float(probabilities[2:].mean()),
    }
