"""Batches: every picture once an epoch, in an order fixed by seed and epoch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.data.datamodule import BatchLoader, FeatureData, MappedPixels, count_batches


def loader(count: int, batch: int, seed: int | None = 0) -> BatchLoader:
    return BatchLoader(torch.arange(count) * 10, torch.arange(count), batch, seed=seed)


@given(st.integers(1, 300), st.integers(1, 70))
def test_epoch_has_every_picture_once_in_the_counted_batches(count: int, batch: int) -> None:
    batches = list(loader(count, batch))
    assert len(batches) == len(loader(count, batch)) == count_batches(count, batch)
    rows = torch.cat([rows for _, _, rows in batches])
    assert sorted(rows.tolist()) == list(range(count))
    for inputs, labels, rows in batches:
        assert torch.equal(inputs, rows * 10)
        assert torch.equal(labels, rows)


@given(st.integers(2, 300), st.integers(2, 70))
def test_no_batch_is_a_single_picture(count: int, batch: int) -> None:
    assert min(len(rows) for _, _, rows in loader(count, batch)) >= 2


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = loader(100, 16, seed)
        batches.sampler.set_epoch(epoch)
        return torch.cat([rows for _, _, rows in batches]).tolist()

    assert order(1, 4) == order(1, 4)
    assert order(1, 4) != order(1, 5)
    assert order(1, 4) != order(2, 4)
    assert order(1, 4) != list(range(100))


def test_without_a_seed_pictures_come_in_order() -> None:
    rows = torch.cat([rows for _, _, rows in loader(10, 3, None)])
    assert rows.tolist() == list(range(10))


def test_mapped_pixels_equal_those_in_memory(tmp_path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", array)
    mapped = MappedPixels(np.load(tmp_path / "pixels.npy", mmap_mode="r"), np.arange(5, 20))
    rows = torch.tensor([3, 0, 14])
    assert len(mapped) == 15
    assert torch.equal(mapped[rows], torch.from_numpy(array[5:][rows.numpy()]))


def test_every_view_of_a_picture_has_its_label() -> None:
    views = torch.arange(2 * 5 * 3, dtype=torch.float).reshape(2, 5, 3)
    labels = torch.tensor([4, 3, 2, 1, 0])
    data = FeatureData(views, labels, torch.zeros(2, 3), torch.zeros(2).long(), 4, seed=0)
    label_by_features = {}
    for inputs, labels_in_batch, _ in data.train_dataloader():
        label_by_features |= {
            tuple(row.tolist()): int(label)
            for row, label in zip(inputs, labels_in_batch, strict=True)
        }
    expected = {tuple(views[v, n].tolist()): int(labels[n]) for v in range(2) for n in range(5)}
    assert label_by_features == expected


def test_no_pictures_give_no_batches() -> None:
    assert count_batches(0, 8) == 0
    with pytest.raises(StopIteration):
        next(iter(loader(0, 8)))
