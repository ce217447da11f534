"""Data modules for Lightning: batches indexed from resident tensors, ordered by (seed, epoch)."""

from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import numpy as np
import psutil
import torch
from torch import Tensor

from ml.config import TrainConfig
from ml.data.augment.batch import Augment, mix
from ml.data.augment.mixup import Mixing
from ml.data.class_balance import balanced_order
from ml.data.run_pictures import Pictures
from ml.distributed.launch import RankInfo

SINGLE_PROCESS = RankInfo()
Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs (N, ...), labels (N,) int64, rows (N,) int64 in their split. The labels of mixed pictures
are shares of the classes, (N, K) float."""

MAX_RESIDENT_SHARE = 0.25
"""Pixels stay in memory up to this share of the free memory, and are mapped from disk above it."""
MIN_VALIDATION_BATCH = 32
"""Validation needs no gradients, so that small batches can be larger there."""


class MappedPixels:
    """Memory-mapped pixels that are indexed like a tensor, for sets too large for the memory."""

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self.array, self.rows = array, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Tensor) -> Tensor:
        return torch.from_numpy(self.array[self.rows[index.numpy()]])


class EpochOrder:
    """The order of rows in each epoch. Lightning calls ``set_epoch``, also after a resume.

    With ``labels`` (count,), each class has an equal part of an epoch.
    """

    def __init__(self, count: int, seed: int | None, labels: Tensor | None = None) -> None:
        self.count, self.seed, self.epoch, self.labels = count, seed, 0, labels

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0."""
        self.epoch = epoch

    def order(self) -> Tensor:
        """Rows (count,) int64: shuffled, or in order if there is no seed."""
        if self.seed is None:
            return torch.arange(self.count)
        generator = torch.Generator().manual_seed(mix(self.seed, self.epoch, 0))
        if self.labels is not None:
            return balanced_order(self.labels, generator)
        return torch.randperm(self.count, generator=generator)


class BatchLoader:
    """Yields batches by indexing, without collating and without worker processes.

    A last batch of a single picture joins the one before it: batch normalisation cannot take it.
    Several processes divide each batch of one process into parts that differ by one picture at
    most; a last batch with fewer pictures than processes joins the one before it.
    """

    def __init__(
        self,
        inputs: Any,
        labels: Tensor,
        batch_size: int,
        *,
        seed: int | None = None,
        augment: Augment | None = None,
        mixing: Mixing | None = None,
        rank_info: RankInfo = SINGLE_PROCESS,
        balanced: bool = False,
    ) -> None:
        self.rank_info = rank_info
        self.inputs, self.labels, self.batch_size = inputs, labels, batch_size
        self.augment, self.mixing = augment, mixing
        resident = augment is not None and isinstance(inputs, Tensor)
        self._windows = augment.windows(inputs) if augment and resident else None
        self.sampler = EpochOrder(len(labels), seed, labels if balanced else None)
        self.batch_sampler = None  # Lightning looks for it where there is a sampler

    def __len__(self) -> int:
        return count_batches(len(self.labels), self.batch_size, self.rank_info.world_size)

    def weight(self, batch: int) -> float:
        """The weight of this rank's mean over its part of ``batch`` in the mean over all ranks.

        With it the mean of means is the mean over the batch. It is 1 where the parts are equal.
        """
        world_size = self.rank_info.world_size
        batch_size = len(self.labels) - batch * self.batch_size
        batch_size = batch_size if batch == len(self) - 1 else self.batch_size
        own_size = batch_size // world_size + (self.rank_info.rank < batch_size % world_size)
        return own_size * world_size / batch_size

    def __iter__(self) -> Iterator[Batch]:
        order = self.sampler.order().to(self.labels.device)
        if self.augment:
            self.augment.set_epoch(self.sampler.epoch)
        if self.mixing:
            self.mixing.set_epoch(self.sampler.epoch)
        windows = self._windows
        if self.augment and windows:
            windows.set_numbers(self.augment.numbers)
        last = len(self) - 1
        for batch in range(last + 1):
            start = batch * self.batch_size
            rows = order[start:] if batch == last else order[start : start + self.batch_size]
            if self.rank_info.world_size > 1:
                rows = rows.tensor_split(self.rank_info.world_size)[self.rank_info.rank]
            if windows:
                inputs = windows[rows]
            else:
                inputs = self.inputs[rows]
                inputs = self.augment(inputs, rows) if self.augment else inputs
            labels = self.labels[rows]
            if self.mixing:
                inputs, labels = self.mixing(inputs, labels, rows)
            yield inputs, labels, rows


def validation_batch_size(batch_size: int) -> int:
    """The batch size of validation. It is that of training, or a little more, so that validation
    takes no more memory than training."""
    return max(batch_size, MIN_VALIDATION_BATCH)


def count_batches(count: int, batch_size: int, processes: int = 1) -> int:
    """How many batches ``BatchLoader`` makes of ``count`` pictures."""
    full_batches, remainder = divmod(count, batch_size)
    min_remainder = max(2, processes) if full_batches else 1
    return max(1, full_batches + (remainder >= min_remainder)) if count else 0


class ResidentData(pl.LightningDataModule):
    """Base of the data modules: a batch that is on the device already is not moved.

    A distributed training sets ``rank_info`` before the loaders are made.
    """

    rank_info: RankInfo = SINGLE_PROCESS

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """The batch on ``device``."""
        if batch[0].device == device:
            return batch
        return tuple(part.to(device, non_blocking=True) for part in batch)


class PixelData(ResidentData):
    """Training and validation pictures as uint8 (N, S, S, C)."""

    def __init__(
        self,
        pictures: Pictures,
        batch_size: int,
        seed: int,
        policy: str,
        device: torch.device,
        mixing: str = "none",
        balanced: bool = False,
    ) -> None:
        super().__init__()
        self.pictures, self.batch_size, self.seed = pictures, batch_size, seed
        self.balanced = balanced
        self.policy, self.device, self.mixing = policy, device, mixing

    def _inputs(self, split: str) -> Any:
        size = len(self.pictures.indices(split)) * int(np.prod(self.pictures.all_pixels.shape[1:]))
        if size > MAX_RESIDENT_SHARE / self.rank_info.devices * psutil.virtual_memory().available:
            return MappedPixels(self.pictures.all_pixels, self.pictures.rows(split))
        return torch.from_numpy(np.array(self.pictures.pixels(split))).to(self.device)

    def _loaded(self, split: str) -> tuple[Any, Tensor]:
        """Inputs and labels of a split, both where the inputs are."""
        inputs = self._inputs(split)
        device = "cpu" if isinstance(inputs, MappedPixels) else self.device
        return inputs, torch.from_numpy(np.array(self.pictures.labels(split))).to(device)

    def train_dataloader(self) -> BatchLoader:
        """Shuffled, augmented and mixed."""
        inputs, labels = self._loaded("train")
        count, device = len(labels), labels.device
        augment = mixing = None
        if self.policy != "none":
            augment = Augment(self.policy, self.seed, count, device)
        if self.mixing != "none":
            mixing = Mixing(self.mixing, self.seed, count, len(self.pictures.classes), device)
        return BatchLoader(
            *(inputs, labels, self.batch_size),
            seed=self.seed,
            augment=augment,
            mixing=mixing,
            rank_info=self.rank_info,
            balanced=self.balanced,
        )

    def val_dataloader(self) -> BatchLoader:
        """In order, not augmented."""
        batch = validation_batch_size(self.batch_size)
        return BatchLoader(*self._loaded("val"), batch_size=batch, rank_info=self.rank_info)


class FeatureData(ResidentData):
    """Features (V, N, F) of the views of training pictures, and (N, F) of validation pictures."""

    def __init__(
        self,
        train: Tensor,
        train_labels: Tensor,
        val: Tensor,
        val_labels: Tensor,
        batch_size: int,
        seed: int,
        balanced: bool = False,
    ) -> None:
        super().__init__()
        self.balanced = balanced
        self.train = train.reshape(-1, train.shape[-1])
        self.train_labels = train_labels.repeat(train.shape[0])
        self.val, self.val_labels = val, val_labels
        self.batch_size, self.seed = batch_size, seed

    def train_dataloader(self) -> BatchLoader:
        """Every view of every picture once an epoch, shuffled."""
        return BatchLoader(
            *(self.train, self.train_labels, self.batch_size),
            seed=self.seed,
            rank_info=self.rank_info,
            balanced=self.balanced,
        )

    def val_dataloader(self) -> BatchLoader:
        """In one batch."""
        return BatchLoader(
            self.val, self.val_labels, max(1, len(self.val)), rank_info=self.rank_info
        )


def count_steps(count: int, config: TrainConfig, processes: int = 1, max_batches: int = 0) -> int:
    """How many optimizer steps an epoch over ``count`` rows has, or one over their first
    ``max_batches`` batches if that is not 0."""
    batches = count_batches(count, config.batch_size, processes)
    return -(-(min(max_batches, batches) if max_batches else batches) // config.accumulate)
