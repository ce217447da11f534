"""Perturbed views: pictures changed by an augmentation policy, to train a robust head on."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from ml.data.augment.apply import apply
from ml.data.augment.policies import POLICIES
from ml.data.pixels.pixels import Pixels


def perturbed(pictures: Pixels, policy: str, number: int, hashes: Sequence[str]) -> Pixels:
    """Perturbed view ``number`` of each picture (N, S, S, C), uint8 and of the same shape.

    It is a function of the picture's hash and ``number``, so that its features can be cached.
    """
    chosen = POLICIES[policy]
    drawn = [
        np.random.default_rng([int(digest[:12], 16), number, 1]).random(chosen.numbers, np.float32)
        for digest in hashes
    ]
    changed = apply(chosen, torch.from_numpy(pictures), torch.from_numpy(np.stack(drawn)))
    return np.asarray(changed.round().clamp(0, 255).to(torch.uint8).numpy())


def policy_key(policy: str) -> str:
    """A cache key of ``policy`` that changes with its steps."""
    digest = hashlib.sha256(repr(POLICIES[policy]).encode()).hexdigest()
    return f"{policy}-{digest[:8]}"
