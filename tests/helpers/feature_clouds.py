"""Made-up features and answers of pictures, and what a model carries of them."""

import numpy as np

from ml.inference import ood_reference
from ml.inference.ood import OodReference


def cloud(count: int, seed: int, width: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).normal(1, 0.6, (count, width)).astype(np.float32)


def answers(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).normal(0, 3, (count, 4))


def fitted(count: int = 60, validation: int = 200) -> OodReference:
    reference, _ = ood_reference.fit(
        *(cloud(count, 0), np.arange(count) * 3, np.arange(count) % 4),
        *(cloud(validation, 1), answers(validation, 1)),
    )
    assert reference
    return reference
