"""A recipe fitted anew on other pictures than those of its run: for folds and learning curves.

Nothing is chosen by the pictures that are measured on: the last epoch counts, not the best.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.callbacks import Callback

from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.datamodule import BatchLoader, FeatureData, ResidentData
from ml.data.run_pictures import Indices, Pictures
from ml.errors import MLError, StoppedError
from ml.features import extract as features
from ml.models import Inputs, build, options_of
from ml.models.network import Network, new_head
from ml.runs.choices import RunChoices
from ml.training.finetuning import (
    Plan,
    backbone_forward,
    pixels_plan,
    regression_input,
    standardise,
)
from ml.training.optim.weight_averaging import averaging
from ml.training.regression_head import fit_head
from ml.training.task import ClassifierTask
from ml.training.trainer import fit, make_trainer
from ml.workspace import Workspace

PlanOf = Callable[[Pictures], Plan]
"""What is trained, as new as that of the run was, on the training pictures of what it is given."""
Progress = Callable[[float], None]
TELL_SECONDS = 0.1


def sides(pictures: Pictures, train: Indices, val: Indices) -> Pictures:
    """Those of ``pictures`` that are trained on and measured on; none is tested."""
    return replace(pictures, splits={"train": train, "val": val, "test": val[:0]})


def plans(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pool: Pictures,
    device: torch.device,
    progress: Progress,
) -> PlanOf:
    """How ``config`` makes a plan for a part of the pictures in ``pool``.

    Args:
        network: of the run; only its backbone is used, where that is frozen.
        pool: pictures that train in some part are training pictures here.
        progress: is told 0 while features that are missing are computed, and may raise to stop.
    """

    def whole(pictures: Pictures) -> Plan:
        """A whole network, as new as that of the run was."""
        inputs = Inputs(pictures.spec.channels, pictures.spec.size, len(pictures.classes))
        fresh = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
        fresh.to(memory_format=torch.channels_last)
        return pixels_plan(workspace, config, fresh, pictures, device, progress)

    if not config.frozen:
        return whole
    spec = pool.spec
    stores = features.ensure(
        workspace.features / features.key_of(config.model, network, spec.key),
        pool,
        config.feature_views,
        lambda: backbone_forward(workspace, network, spec, device),
        lambda fraction: progress(0.0),  # only to be stopped: the fits have the bar
        policy=features.policy_of(config),
    )
    return lambda pictures: _head(config, stores, pictures, device)


def _head(
    config: TrainConfig,
    stores: list[features.FeatureStore],
    pictures: Pictures,
    device: torch.device,
) -> Plan:
    """A head on features that are kept: one store a view."""

    def tensors(split: str, views: int) -> tuple[torch.Tensor, torch.Tensor]:
        hashes = pictures.hashes(split)
        stacked = np.stack([store.get(hashes) for store in stores[:views]])
        labels = torch.from_numpy(np.array(pictures.labels(split)))
        return torch.from_numpy(stacked).to(device), labels.to(device)

    regression = None
    if config.regression:
        regression = regression_input(config, stores, pictures, pictures.indices("train"))
    train, train_labels = tensors("train", len(stores))
    val, val_labels = tensors("val", 1)
    head = new_head(train.shape[-1], len(pictures.classes))
    standardise(head, train)
    data = FeatureData(
        *(train, train_labels, val[0], val_labels, config.batch_size, config.seed),
        balanced=config.balance == "sampling",
    )
    return Plan(head, data, regression=regression)


def refit(
    plan: Plan,
    config: TrainConfig,
    choices: RunChoices,
    classes: int,
    progress: Progress,
) -> None:
    """Train ``plan`` on all its training pictures.

    Args:
        choices: for this machine, as the run has them.
        progress: is told the share that is done, and may raise to stop.

    Raises:
        StoppedError: it was stopped.
        MLError: it failed.
    """
    if plan.regression is not None:
        head = fit_head(plan.regression, config, classes, progress)
        plan.module.load_state_dict(head.state_dict())
        return
    loader = plan.data.train_dataloader()
    steps = -(-len(loader) // config.accumulate) * config.epochs
    task = ClassifierTask(plan.module, config, steps, rates=plan.rates, classes=classes)
    average = averaging(config, steps)
    own = [_Told(progress, steps), *([average] if average else []), *plan.callbacks]
    # Threads that wait for each other at every tiny step of a head cost more than they bring.
    torch.set_num_threads(1 if config.frozen else choices.threads)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no `val_dataloader`")  # on purpose
        trainer = make_trainer(config, choices, own)
        outcome, reason = fit(trainer, task, replace(plan, data=_TrainingOnly(loader)), None)
    torch.set_num_threads(choices.threads)
    if outcome != "finished":
        raise (StoppedError if outcome == "stopped" else MLError)(reason)


def hits(plan: Plan, device: torch.device) -> npt.NDArray[np.bool_]:
    """Whether each picture that is measured on is classified right: (n,), in their order."""
    module, correct = plan.module.to(device).eval(), []
    with torch.inference_mode():
        for inputs, labels, _ in plan.data.val_dataloader():
            guesses = module(inputs.to(device)).argmax(1)
            correct.append((guesses == labels.to(device)).cpu().numpy())
    return np.concatenate(correct)


def start_anew(config: TrainConfig, number: int) -> None:
    """Let the weights of fit ``number`` be a function of the seed and that number."""
    torch.manual_seed(mix(config.seed, number + 1, 3))


class _TrainingOnly(ResidentData):
    """No validation: by the pictures that are measured on nothing is chosen."""

    def __init__(self, loader: BatchLoader) -> None:
        super().__init__()
        self.loader = loader

    def train_dataloader(self) -> BatchLoader:
        """What the plan trains on."""
        return self.loader


class _Told(Callback):
    """Tells how far a fit is, and lets itself be stopped by who is told."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self.progress, self.steps = progress, steps
        self._last_report = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """At most ten times a second."""
        now = time.monotonic()
        if now - self._last_report >= TELL_SECONDS:
            self._last_report = now
            self.progress(min(1.0, trainer.global_step / max(1, self.steps)))
