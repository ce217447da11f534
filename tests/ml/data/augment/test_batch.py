"""Batch augmentation is a function of (seed, epoch, picture)."""

import numpy as np
import pytest
import torch

from ml.data.augment.batch import Augment, mix, shift, strong

POLICIES = ("shift", "light", "strong")


def pictures(count: int = 12, size: int = 20, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    shape = (count, size, size, channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("policy", POLICIES)
def test_change_of_a_picture_does_not_depend_on_its_batch(policy: str) -> None:
    shown = pictures()
    augment = Augment(policy, seed=5, count=12)
    augment.set_epoch(3)
    together = augment(shown, torch.arange(12))
    order = torch.tensor([7, 2, 11])
    alone = augment(shown[order], order)
    torch.testing.assert_close(alone, together[order])


@pytest.mark.parametrize("policy", POLICIES)
def test_changes_repeat_for_equal_seed_and_epoch_only(policy: str) -> None:
    shown, rows = pictures(), torch.arange(12)
    once, again = Augment(policy, 5, 12), Augment(policy, 5, 12)
    again.set_epoch(9)
    other = again(shown, rows)
    again.set_epoch(0)
    assert torch.equal(once(shown, rows), again(shown, rows))
    assert not torch.equal(once(shown, rows), other)


def test_shift_is_a_roll_whose_border_reflects_the_inside() -> None:
    shown = pictures(1, 10, 1)
    # reach 1: a number of 0.0 moves by -1, one near 1 by +1
    numbers = torch.tensor([[0.0, 0.99, 0.9]])
    shifted = shift(shown, numbers, mirror=True)[0, :, :, 0].numpy()
    padded = np.pad(shown[0, :, :, 0].numpy(), 1, mode="reflect")
    assert np.array_equal(shifted, padded[0:10, 2:12])


def test_light_mirrors_about_half_of_the_pictures() -> None:
    shown = pictures(400, 8, 1)
    numbers = torch.rand(400, 3, generator=torch.Generator().manual_seed(0))
    numbers[:, :2] = 0.5  # no move
    changed = shift(shown, numbers, mirror=True)
    mirrored = torch.tensor(
        [torch.equal(a, b.flip(1)) for a, b in zip(changed, shown, strict=True)]
    )
    assert 160 < int(mirrored.sum()) < 240
    assert torch.equal(mirrored, numbers[:, 2] < 0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_strong_stays_within_the_range_of_pixels(channels: int) -> None:
    shown = pictures(16, 24, channels)
    changed = strong(shown, torch.rand(16, 10))
    assert changed.shape == shown.shape
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 255


def test_strong_with_neutral_numbers_is_the_picture_itself() -> None:
    shown = pictures(2, 16, 3)
    numbers = torch.full((2, 10), 0.5)
    numbers[:, 1], numbers[:, 8] = 1.0, 1.0  # full size, the erased square outside
    torch.testing.assert_close(strong(shown, numbers), shown.float(), atol=1e-2, rtol=0)


def test_close_numbers_give_different_seeds() -> None:
    seeds = {mix(seed, epoch, use) for seed in range(40) for epoch in range(40) for use in range(3)}
    assert len(seeds) == 40 * 40 * 3


@pytest.mark.parametrize("policy", ["shift", "light"])
@pytest.mark.parametrize("shape", [(9, 28, 28, 1), (7, 32, 32, 3), (5, 5, 5, 1)])
def test_windows_equal_the_batchwise_change_to_the_bit(
    policy: str, shape: tuple[int, int, int, int]
) -> None:
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8)
    augment = Augment(policy, seed=3, count=shape[0])
    windows = augment.windows(pictures)
    assert windows is not None
    for epoch in range(4):
        augment.set_epoch(epoch)
        windows.set_numbers(augment.numbers)
        rows = torch.randperm(shape[0])[:4]
        assert torch.equal(windows[rows], augment(pictures[rows], rows))


def test_windows_have_a_memory_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ml.data.augment.batch.MAX_WINDOWS_BYTES", 100)
    pictures = torch.zeros(2, 8, 8, 1, dtype=torch.uint8)
    assert Augment("light", seed=0, count=2).windows(pictures) is None
