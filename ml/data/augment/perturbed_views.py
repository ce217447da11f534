"""Views of a picture that a policy has spoilt, for heads that are to be robust."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from ml.data.augment.apply import apply
from ml.data.augment.policies import POLICIES
from ml.data.pixels.pixels import Pixels


def spoilt(pictures: Pixels, policy: str, number: int, hashes: Sequence[str]) -> Pixels:
    """Spoilt view ``number`` of each picture (N, S, S, C), uint8 and of the same shape.

    What happens to a picture is a function of its hash and ``number``: features of it can be kept.
    """
    chosen = POLICIES[policy]
    drawn = [
        np.random.default_rng([int(one[:12], 16), number, 1]).random(chosen.numbers, np.float32)
        for one in hashes
    ]
    changed = apply(chosen, torch.from_numpy(pictures), torch.from_numpy(np.stack(drawn)))
    return np.asarray(changed.round().clamp(0, 255).to(torch.uint8).numpy())


def key_of(policy: str) -> str:
    """A name for what ``policy`` does now: with other steps it is another."""
    digest = hashlib.sha256(repr(POLICIES[policy]).encode()).hexdigest()
    return f"{policy}-{digest[:8]}"
