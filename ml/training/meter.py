"""Running mean of loss and accuracy over batches, across the processes of a training."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml.distributed.group import ProcessGroup


@dataclass(frozen=True)
class Score:
    """Means over some pictures: ``loss`` and ``accuracy`` (0 to 1)."""

    loss: float
    accuracy: float
    pictures: int


class Meter:
    """Sums of loss, hits and pictures, on the device until they are read.

    Reading them is a collective operation of ``process_group``.
    """

    def __init__(self, process_group: ProcessGroup | None = None) -> None:
        self.process_group = process_group or ProcessGroup()
        self._sums: Tensor | None = None
        self._count = 0
        self._total, self._unread = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch with mean ``loss``. Nothing is copied to the host."""
        count = len(labels)
        hits = (logits.argmax(1) == labels).sum()
        row = torch.stack((loss.detach().float() * count, hits.float()))
        self._sums = row if self._sums is None else self._sums + row
        self._count += count

    def _fold(self) -> None:
        """Take the device's sums over into Python's numbers, which are of double precision."""
        if self._sums is not None:
            loss, hits = self._sums.tolist()
            found = (loss, hits, self._count)
            self._total = [a + b for a, b in zip(self._total, found, strict=True)]
            self._unread = [a + b for a, b in zip(self._unread, found, strict=True)]
            self._sums, self._count = None, 0

    def total(self) -> Score | None:
        """Over everything since ``clear``; None where there was nothing."""
        self._fold()
        return _score(*self.process_group.all_reduce_sum(self._total))

    def since_last_read(self) -> Score | None:
        """Over what came since the last call; None where there was nothing."""
        self._fold()
        unread, self._unread = self._unread, [0.0, 0.0, 0.0]
        return _score(*self.process_group.all_reduce_sum(unread))

    def clear(self) -> None:
        """Start anew."""
        self._sums, self._count = None, 0
        self._total, self._unread = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]


def _score(loss: float, hits: float, count: float) -> Score | None:
    return Score(loss / count, hits / count, int(count)) if count else None
