"""Class weights, and balanced epochs that repeat with the seed."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from ml.data.class_balance import MAX_WEIGHT_RATIO, balanced_order, class_weights
from ml.data.datamodule import BatchLoader
from ml.training.task import cross_entropy

LABELS = torch.tensor([0] * 60 + [1] * 25 + [2] * 8)


def test_class_weights_equal_scikit_learn_up_to_the_limit() -> None:
    weights = class_weights(LABELS)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS.numpy())
    torch.testing.assert_close(weights, torch.tensor(expected).float())
    assert float(weights[LABELS].mean()) == pytest.approx(1.0)
    rare = class_weights(torch.tensor([0] * 999 + [1]), classes=3)
    assert float(rare[1] / rare[0]) == pytest.approx(MAX_WEIGHT_RATIO)


def test_weighted_loss_is_the_weighted_mean_over_parts() -> None:
    torch.manual_seed(0)
    logits, weights = torch.randn(93, 3), class_weights(LABELS)
    total = cross_entropy(logits, LABELS, 0.1, weights)
    parts = [cross_entropy(logits[a:b], LABELS[a:b], 0.1, weights) for a, b in ((0, 31), (31, 93))]
    assert float(total) == pytest.approx(float((parts[0] * 31 + parts[1] * 62) / 93))


def test_balanced_epoch_has_equal_classes_with_few_repeats() -> None:
    loader = BatchLoader(torch.arange(93), LABELS, 16, seed=3, balanced=True)

    def epoch(number: int) -> torch.Tensor:
        loader.sampler.set_epoch(number)
        return torch.cat([rows for _, _, rows in loader])

    first, second = epoch(0), epoch(1)
    assert torch.bincount(LABELS[first]).tolist() == [31, 31, 31]
    assert first[LABELS[first] == 0].unique().numel() == 31
    counts = torch.bincount(first[LABELS[first] == 2], minlength=93)[-8:]
    assert set(counts.tolist()) <= {3, 4}
    assert not torch.equal(first, second)
    assert torch.equal(epoch(0), first)
    everything = torch.cat([epoch(number) for number in range(8)]).unique()
    assert everything.numel() == 93


def test_remainder_goes_to_random_classes() -> None:
    order = balanced_order(LABELS[:92], torch.Generator().manual_seed(0))
    assert sorted(torch.bincount(LABELS[order]).tolist()) == [30, 31, 31]
