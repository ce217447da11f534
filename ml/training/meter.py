"""Running means of the live metrics over batches, across the processes of a training."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ml.distributed.group import ProcessGroup
from ml.metrics.live import BatchAnswers, live_metrics


@dataclass(frozen=True)
class Score:
    """Means over some pictures, by the names of ``ml.metrics.live``."""

    values: Mapping[str, float]
    pictures: int

    @property
    def loss(self) -> float:
        """Mean loss."""
        return self.values["loss"]

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return self.values["accuracy"]

    @property
    def others(self) -> dict[str, float]:
        """Every metric but loss and accuracy, which have fields of their own in events."""
        own = ("loss", "accuracy")
        return {name: value for name, value in self.values.items() if name not in own}


class Meter:
    """Sums of every live metric, and of pictures, on the device until they are read.

    Reading them is a collective operation of ``process_group``.
    """

    def __init__(self, process_group: ProcessGroup | None = None) -> None:
        self.process_group = process_group or ProcessGroup()
        self.metrics = live_metrics()
        self._sums: Tensor | None = None
        self._count = 0
        self._total, self._unread = self._zeros(), self._zeros()

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch with mean ``loss``. Nothing is copied to the host."""
        batch = BatchAnswers(loss, logits, labels)
        row = torch.stack([metric.batch_sum(batch).float() for metric in self.metrics])
        self._sums = row if self._sums is None else self._sums + row
        self._count += len(labels)

    def _fold(self) -> None:
        """Take the device's sums over into Python's numbers, which are of double precision."""
        if self._sums is not None:
            sums = [*self._sums.tolist(), float(self._count)]
            self._total = [a + b for a, b in zip(self._total, sums, strict=True)]
            self._unread = [a + b for a, b in zip(self._unread, sums, strict=True)]
            self._sums, self._count = None, 0

    def total(self) -> Score | None:
        """Over everything since ``clear``; None where there was nothing."""
        self._fold()
        return self._score(self._total)

    def since_last_read(self) -> Score | None:
        """Over what came since the last call; None where there was nothing."""
        self._fold()
        unread, self._unread = self._unread, self._zeros()
        return self._score(unread)

    def clear(self) -> None:
        """Start anew."""
        self._sums, self._count = None, 0
        self._total, self._unread = self._zeros(), self._zeros()

    def _zeros(self) -> list[float]:
        return [0.0] * (len(self.metrics) + 1)

    def _score(self, sums: list[float]) -> Score | None:
        *totals, count = self.process_group.all_reduce_sum(sums)
        if not count:
            return None
        names = (metric.name for metric in self.metrics)
        values = {name: total / count for name, total in zip(names, totals, strict=True)}
        return Score(values, int(count))
