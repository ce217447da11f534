"""Weight averaging over the steps (EMA, SWA), on Lightning's own callback.

An average is judged, kept as the best and shipped; the training goes on from the weights
themselves. Buffers (the statistics of batch normalisation) are averaged with them.
"""

from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn

from ml.compat.lightning_private import averaged_network
from ml.config import TrainConfig

UPDATE_STEPS = 4
"""Steps between two updates of the average: the weights in between are nearly the same."""
HORIZON_SHARE = 0.01
MIN_HORIZON_STEPS = 4 * UPDATE_STEPS
"""The moving average reaches back over about this share of all steps, and at least so many
steps."""
MAX_DECAY = 0.9995
SWA_START_SHARE = 0.75
"""The share of the steps after which the plain average of SWA begins."""


def decay_of(total: int) -> float:
    """How much of a moving average of ``total`` steps stays when weights are taken in."""
    return min(MAX_DECAY, 1 - UPDATE_STEPS / max(MIN_HORIZON_STEPS, HORIZON_SHARE * total))


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
        return step_idx is not None and step_idx % UPDATE_STEPS == UPDATE_STEPS - 1

    @torch.no_grad()
    def _take_in(self, averaged: Any, current: Any, taken: Tensor | int) -> None:
        """``taken`` counts the weights taken in before, over the whole run."""
        done = self.state_dict()["latest_update_step"]
        if self.kind == "ema":
            # In the beginning, a short memory: the first weights are of no use.
            count = int(taken)
            weight = 1 - min(self.decay, (1 + count) / (10 + count))
        else:
            first = int(SWA_START_SHARE * self.total)
            weight = 1.0 if done <= first else UPDATE_STEPS / (UPDATE_STEPS + done - first)
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
