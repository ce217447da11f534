"""MixUp and CutMix: pictures and labels agree, by seed, epoch and picture alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from ml.config import TrainConfig
from ml.data.augment.mixup import ALPHA, Mixing, cutmix, mixup
from ml.data.datamodule import BatchLoader
from ml.training.task import ClassifierTask

KINDS = tuple(ALPHA)


def pictures(count: int = 12, size: int = 16) -> torch.Tensor:
    """uint8 pictures of one value each, so that shares can be counted in the pixels."""
    values = torch.arange(count, dtype=torch.uint8) * 20
    return values.view(-1, 1, 1, 1).expand(count, size, size, 3).contiguous()


def test_the_kinds_are_the_choices_of_the_setting() -> None:
    about = TrainConfig.__dataclass_fields__["mixing"].metadata
    assert about["choices"] == ("none", *KINDS)
    assert TrainConfig.from_json({"version": 1, "augment": "light"}).mixing == "none"


def test_mixup_is_the_weighted_sum() -> None:
    generator = np.random.default_rng(0)
    pictures_a, pictures_b = (
        generator.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8) for _ in range(2)
    )
    shares = generator.random(5, np.float32)
    weights = shares[:, None, None, None]
    expected = weights * pictures_a + (1 - weights) * pictures_b
    mixed = mixup(
        torch.from_numpy(pictures_a), torch.from_numpy(pictures_b), torch.from_numpy(shares)
    )
    np.testing.assert_allclose(mixed.numpy(), expected, atol=1e-3)


def test_cutmix_pastes_the_box_and_returns_the_remaining_share() -> None:
    base, partner = pictures(3)[:1] + 7, pictures(3)[2:]
    # 3/4 of the area is to stay: a box of half the side round (8, 4).
    mixed, kept_shares = cutmix(base, partner, torch.tensor([0.75]), torch.tensor([[0.5, 0.25]]))
    expected = base.clone()
    expected[:, 4:12, 0:8] = partner[:, 4:12, 0:8]
    assert torch.equal(mixed, expected)
    assert mixed.dtype == torch.uint8
    assert kept_shares.tolist() == [0.75]
    _, kept_shares = cutmix(base, partner, torch.tensor([0.75]), torch.tensor([[0.0, 0.0]]))
    assert kept_shares.tolist() == [1 - 4 * 4 / 256]  # three quarters of the box lie outside


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_labels_are_the_shares_of_the_pictures(kind: str) -> None:
    shown, labels = pictures(), torch.arange(12)
    mixing = Mixing(kind, seed=4, count=12, classes=12)
    mixed, shares = mixing(shown, labels, torch.arange(12))
    assert shares.shape == (12, 12)
    torch.testing.assert_close(shares.sum(1), torch.ones(12))
    # The mean of the pixels is the sum of the values in proportion, by whatever way it was mixed.
    expected = shares @ shown[:, 0, 0, 0].float()
    torch.testing.assert_close(mixed.float().mean((1, 2, 3)), expected, atol=1e-3, rtol=0)
    present = (shares > 0).sum(1)
    assert int(present.max()) == 2
    partners = shares.clone()
    partners[torch.arange(12), labels] = 0
    chosen = partners.sum(1) > 0
    assert torch.equal(partners.argmax(1)[chosen], (labels - 1)[chosen] % 12)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_spread_as_beta_and_follow_seed_and_epoch_alone(kind: str) -> None:
    mixing = Mixing(kind, seed=0, count=20_000, classes=3)
    alpha = ALPHA[kind]
    assert float(mixing.shares.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(mixing.shares.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    first = mixing.shares.clone()
    mixing.set_epoch(1)
    assert not torch.equal(mixing.shares, first)
    mixing.set_epoch(0)
    assert torch.equal(mixing.shares, first)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_a_mixed_batch_is_that_to_both_classes_in_proportion(kind: str) -> None:
    shown, labels = pictures(), torch.arange(12) % 5
    mixing = Mixing(kind, seed=1, count=12, classes=5)
    rows = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    _, shares = mixing(shown[rows], labels[rows], rows)
    logits = torch.randn(12, 5, generator=torch.Generator().manual_seed(1))
    task = ClassifierTask(torch.nn.Identity(), TrainConfig(), 10)
    own, other = labels[rows], labels[rows].roll(1)
    left = mixing.shares[rows]
    if kind == "cutmix":
        left = cutmix(shown[rows], shown[rows].roll(1, 0), left, mixing.places[rows])[1]
    for smoothing in (0.0, 0.1):
        loss, _ = task._step((logits, shares, rows), task.train_meter, smoothing)
        losses = [
            functional.cross_entropy(logits, one, reduction="none", label_smoothing=smoothing)
            for one in (own, other)
        ]
        expected = (left * losses[0] + (1 - left) * losses[1]).mean()
        torch.testing.assert_close(loss, expected)
    dominant = torch.where(left >= 0.5, own, other)
    right = float((logits.argmax(1) == dominant).float().mean())
    score = task.train_meter.total()
    assert score is not None
    assert score.accuracy == pytest.approx(right)


def test_the_partner_is_the_one_before_in_the_order_of_the_epoch() -> None:
    count = 10
    mixing = Mixing("mixup", seed=2, count=count, classes=count)
    loader = BatchLoader(pictures(count), torch.arange(count), count, seed=2, mixing=mixing)
    for epoch in range(3):
        loader.sampler.set_epoch(epoch)
        ((_, shares, rows),) = list(loader)
        order = loader.sampler.order()
        assert torch.equal(rows, order)
        for place, row in enumerate(order.tolist()):
            before = int(order[place - 1])
            assert float(shares[place, row] + shares[place, before]) == pytest.approx(1)
