"""What is learned and how: the LightningModule, with one shared step for train, val and test."""

import math
from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.compat.lightning_private import QuickHookName
from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.class_balance import class_weights
from ml.data.datamodule import Batch
from ml.distributed.group import ProcessGroup
from ml.metrics import calibration
from ml.runs.events import Mistake
from ml.training.meter import Meter
from ml.training.optim.lr_schedule import END, TAIL_RATE, factor
from ml.training.optim.optimizer import Rates, decaying, optimizer

MISTAKES = 12
"""How many wrongly classified validation pictures are told at the end of an epoch."""


def _doubt(mistake: Mistake) -> float:
    return -(mistake["probability"] or 0.0)


def cross_entropy(
    logits: Tensor, labels: Tensor, smoothing: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Mean loss of logits (N, K) for labels (N,), or for shares (N, K).

    With ``weights`` (K,), the sum of the weighted losses over N: the mean over batches is then that
    over all pictures, which torch's own weighted mean, over the weights of a batch, is not.
    """
    if weights is None:
        return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    total = functional.cross_entropy(
        logits, labels, weights, reduction="sum", label_smoothing=smoothing
    )
    return total / len(labels)


class ClassifierTask(QuickHookName, pl.LightningModule):
    """Trains ``module``, a whole network on pictures or a head on features.

    Args:
        module: inputs (N, ...) to logits (N, K).
        config: the optimizer, its schedule and the seed.
        total_steps: optimizer steps of the whole run, which the schedule spans.
        ids: the picture hash of each validation row, for the examples of mistakes.
        process_group: the ranks of the training.
        rates: what the learning rate of each parameter is multiplied with; None for 1.
        classes: how many there are; 0: as many as have training pictures.

    ``class_weights`` (K,) says what a picture of each class counts for in the training loss; None
    where all count the same.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        module: nn.Module,
        config: TrainConfig,
        total_steps: int,
        ids: Sequence[str] = (),
        process_group: ProcessGroup | None = None,
        rates: Rates | None = None,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.rates, self.decay, self.classes = rates, decaying(module), classes
        self.module, self.config, self.total_steps, self.ids = module, config, total_steps, ids
        self.process_group = process_group or ProcessGroup()
        self.train_meter, self.val_meter = Meter(self.process_group), Meter(self.process_group)
        self.mistakes: list[Mistake] = []
        self.unpredicted: list[int] = []
        self.best: tuple[float, float] | None = None
        self.best_epoch, self.lowest_loss = 0, math.inf
        self.patience = config.patience
        self.improved = True
        self.register_buffer("class_weights", None, persistent=False)
        self._val_outputs: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.module(inputs)
        return logits

    def _step(
        self,
        batch: Batch,
        meter: Meter,
        smoothing: float = 0.0,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The one step: mean loss (scalar) and logits (N, K) of a batch.

        Of mixed pictures, the loss is that to each class in proportion, and what counts as right is
        the class with the largest share.
        """
        inputs, labels, _ = batch
        logits = self.module(inputs)
        loss = cross_entropy(logits, labels, smoothing, weights)
        meter.add(loss, logits, labels if labels.ndim == 1 else labels.argmax(1))
        return loss, logits

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean loss of the batch."""
        smoothing = self.config.label_smoothing
        loss = self._step(batch, self.train_meter, smoothing, self.class_weights)[0]
        if self.process_group.is_single:
            return loss
        loader: Any = self.trainer.train_dataloader
        weighted: Tensor = loss * loader.weight(batch_idx)
        return weighted

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and hits into the meter, logits kept for the mistakes."""
        if not len(batch[1]):
            return  # fewer pictures than processes
        _, logits = self._step(batch, self.val_meter)
        self._val_outputs.append((logits.float(), batch[1], batch[2]))

    test_step = validation_step

    def on_train_start(self) -> None:
        """Weigh the classes by the training pictures, if so configured."""
        if self.config.balance == "weights":
            loader: Any = self.trainer.train_dataloader
            self.class_weights = class_weights(loader.labels, self.classes).to(self.device)

    def on_train_epoch_start(self) -> None:
        """Chance (dropout) is a function of (seed, epoch, process), as order and augmentation are
        of (seed, epoch)."""
        seed = mix(self.config.seed, self.current_epoch, 2) + self.process_group.rank_info.rank
        if self.device.type == "cpu":  # a thousandth of what it takes to ask all accelerators too
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)
        self.train_meter.clear()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the learning rate: a function of the step alone, hence exact on resume."""
        rate = self._scheduled_rate()
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)  # older checkpoints have none

    def rate(self) -> float | None:
        """The learning rate of the step to come; None where a task has none."""
        return self._scheduled_rate()

    def _scheduled_rate(self) -> float:
        config = self.config
        share = factor(
            *(config.schedule, self.global_step, self.total_steps),
            warm_up=config.warm_up,
            floor=TAIL_RATE if config.average == "swa" else END,
        )
        return config.learning_rate * share

    def on_validation_epoch_start(self) -> None:
        """Forget the epoch before."""
        self.val_meter.clear()
        self._val_outputs.clear()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A resumed run must know the best so far."""
        best = {"score": self.best, "epoch": self.best_epoch, "loss": self.lowest_loss}
        checkpoint["best"] = best

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """See ``on_save_checkpoint``."""
        best = checkpoint["best"]
        self.best_epoch = best["epoch"]
        self.best = tuple(best["score"]) if best["score"] else None
        earlier = -self.best[1] if self.best else math.inf  # of an earlier Lensmith, which has none
        self.lowest_loss = best.get("loss", earlier)

    def is_patience_over(self, epoch: int) -> bool:
        """Whether validation has not improved for ``patience`` epochs; 0 has no end."""
        return bool(self.patience) and epoch - self.best_epoch >= self.patience

    def on_validation_epoch_end(self) -> None:
        """Judge the epoch by ``validation_loss``, and pick the most confident mistakes.

        Where there are no validation pictures, the last epoch counts as the best.
        """
        score = self.val_meter.total()
        if score is None:
            return
        loss = self.validation_loss()
        self.improved = math.isfinite(score.loss) and loss < self.lowest_loss
        if self.improved:
            self.lowest_loss, self.best_epoch = loss, self.current_epoch + 1
            self.best = (score.accuracy, -score.loss)
        found_here = [self._looked_over()] if self._val_outputs else []
        parts = self.process_group.all_gather(found_here)
        mistakes = sorted((one for part in parts for one in part[0]), key=_doubt)
        self.mistakes = mistakes[:MISTAKES]
        there = {label for part in parts for label in part[1]}
        self.unpredicted = sorted(there - {label for part in parts for label in part[2]})

    def validation_loss(self) -> float:
        """The loss that an epoch is judged by: that of its answers once they are calibrated.

        Few validation pictures make accuracy jump; the plain loss punishes a confidence that
        calibration will take back (Berta et al. 2025, "Rethinking Early Stopping: Refine, Then
        Calibrate", https://arxiv.org/abs/2501.19195). Where classes are balanced, each class counts
        the same.
        """
        own = [
            (logits.cpu().numpy(), labels.cpu().numpy()) for logits, labels, _ in self._val_outputs
        ]
        outputs = self.process_group.all_gather(own)
        logits, labels = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
        if not np.isfinite(logits).all():
            return math.inf
        temperature = calibration.fit_temperature(logits, labels)
        each = calibration.cross_entropies(logits, labels, temperature)
        if self.config.balance == "none":
            return float(each.mean())
        return float(np.mean([each[labels == label].mean() for label in np.unique(labels)]))

    def _looked_over(self) -> tuple[list[Mistake], set[int], set[int]]:
        """Of this process's part: the most confident mistakes, the classes that are in it, and
        those that were answered."""
        logits, labels, rows = (torch.cat(parts) for parts in zip(*self._val_outputs, strict=True))
        self._val_outputs.clear()
        probability, predicted = logits.softmax(1).max(1)
        wrong = torch.where(predicted != labels, probability, torch.zeros_like(probability))
        worst = wrong.topk(min(MISTAKES, len(wrong))).indices.tolist()
        mistakes: list[Mistake] = [
            {
                "picture": self.ids[int(rows[i])] if self.ids else str(int(rows[i])),
                "label": int(labels[i]),
                "predicted": int(predicted[i]),
                "probability": round(float(probability[i]), 4),
            }
            for i in worst
            if float(wrong[i]) > 0
        ]
        return mistakes, set(labels.tolist()), set(predicted.tolist())

    def optimizer_zero_grad(
        self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer
    ) -> None:
        """What ``zero_grad`` does, without the detour through torch's compiler hooks."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """By the norm of all gradients. Lightning's own refuses fused optimizers in 16 bits, for a
        scaler of losses that bfloat16 does not need."""
        if self.config.clip_norm:
            model: Any = self.trainer.strategy.model
            if hasattr(model, "clip_grad_norm_"):  # of FSDP, which has the parts of all processes
                model.clip_grad_norm_(self.config.clip_norm)
            else:
                nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_norm)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """See ``ml.training.optim.optimizer``."""
        return optimizer(self.module, self.config, self.rates, self.decay)
