"""Averages of the weights over the steps, on Lightning's own callback.

An average is judged, kept as the best and shipped; the training goes on from the weights
themselves. Buffers (the statistics of batch normalisation) are averaged with them.
"""

from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn

from ml.compat.lightning_private import averaged_network
from ml.config import TrainConfig

EVERY = 4
"""Steps between two weights that are taken in: their neighbours say nearly the same."""
REACH = 0.01
LEAST = 4 * EVERY
"""The moving average reaches back over about this share of all steps, and so many at least."""
LONGEST = 0.9995
TAIL = 0.75
"""The share of the steps after which the plain average of SWA begins."""


def decay_of(total: int) -> float:
    """How much of a moving average of ``total`` steps stays when weights are taken in."""
    return min(LONGEST, 1 - EVERY / max(LEAST, REACH * total))


class Averaging(WeightAveraging):
    """``ema``: a moving average; ``swa``: the mean over the last quarter of the steps (Izmailov et
    al. 2018, https://arxiv.org/abs/1803.05407). Until that begins, it follows the weights.

    Args:
        kind: ``ema`` or ``swa``.
        total: optimizer steps of the whole run.
    """

    def __init__(self, kind: str, total: int) -> None:
        self.kind, self.total, self.decay = kind, total, decay_of(total)
        super().__init__(multi_avg_fn=self._take_in)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After every fourth step. Not at the end of an epoch: what was judged must be kept."""
        return step_idx is not None and step_idx % EVERY == EVERY - 1

    @torch.no_grad()
    def _take_in(self, averaged: Any, current: Any, taken: Tensor | int) -> None:
        """``taken`` counts the weights taken in before, over the whole run."""
        done = self.state_dict()["latest_update_step"]
        if self.kind == "ema":
            # In the beginning, a short memory: the first weights are of no use.
            count = int(taken)
            weight = 1 - min(self.decay, (1 + count) / (10 + count))
        else:
            first = int(TAIL * self.total)
            weight = 1.0 if done <= first else EVERY / (EVERY + done - first)
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, weight)
            else:
                old.copy_(new)  # counts

    @property
    def network(self) -> nn.Module | None:
        """What has the average as its weights; None before training starts."""
        task: Any = averaged_network(self)
        return task.module if task else None


def averaging(config: TrainConfig, total: int) -> Averaging | None:
    """The callback that ``config`` asks for, if it does."""
    return None if config.average == "none" else Averaging(config.average, total)
