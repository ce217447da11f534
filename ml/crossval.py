"""How much the accuracy of a recipe varies: cross-validation over training and validation pictures.

The pictures that are not the test are dealt out to parts; for each part the recipe is fitted anew
on all others, for as many epochs as the run had, and measured on it. Nothing is chosen by the part
that is measured on: the last epoch counts, not the best. What is shipped is the run's own model.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from ml import features
from ml.config import TrainConfig
from ml.data.augment import mix
from ml.data.datamodule import BatchLoader, FeatureData, ResidentData, count_steps
from ml.data.pictures import Indices, Pictures
from ml.data.splits import deal_folds
from ml.files import read_json, write_json
from ml.models import Inputs, build, options_of
from ml.models.network import Network
from ml.plan import Plan, backbone_forward, new_head, pixels_plan, standardise
from ml.runs import Run
from ml.workspace import Workspace

Fit = Callable[[Plan, int, pl.Callback], None]
"""Trains a plan for so many steps; raises StoppedError when somebody asks to stop."""
Progress = Callable[[float], None]
TELL_SECONDS = 0.1


def cross_validate(
    workspace: Workspace,
    run: Run,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
    fit: Fit,
    progress: Progress,
) -> dict[str, Any] | None:
    """``count`` and the ``accuracy`` of each fold, their ``mean`` and ``std``; None where there are
    too few pictures for two.

    Folds that are done are kept in the run's ``folds.json``: whoever resumes goes on after them.

    Args:
        network: of the run; only its backbone is used, where that is frozen.
        progress: is told the share of all folds that is done, and may raise to stop.
    """
    pool = np.sort(np.concatenate([pictures.indices(split) for split in ("train", "val")]))
    parts = deal_folds(pictures.version.items, pool, config.folds, config.split_seed)
    if len(parts) < 2:
        return None
    progress(0.0)
    prepare = _heads if config.frozen else _networks
    plan_of = prepare(workspace, config, network, _part(pictures, pool, pool[:0]), device, progress)
    path = run.folder / "folds.json"
    recipe = {"count": len(parts), "epochs": config.epochs}
    accuracy = _done(path, recipe)
    for number in range(len(accuracy), len(parts)):
        torch.manual_seed(mix(config.seed, number + 1, 3))
        plan = plan_of(_part(pictures, np.setdiff1d(pool, parts[number]), parts[number]))
        loader = plan.data.train_dataloader()
        steps = -(-len(loader) // config.accumulate) * config.epochs
        told = _Told(progress, steps, number, len(parts))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*no `val_dataloader`")  # on purpose
            fit(replace(plan, data=_TrainingOnly(loader)), steps, told)
        accuracy.append(_accuracy(plan, device))
        write_json(path, {**recipe, "accuracy": accuracy})
    progress(1.0)
    mean, spread = statistics.fmean(accuracy), statistics.stdev(accuracy)
    return {"count": len(parts), "accuracy": accuracy, "mean": mean, "std": spread}


def steps_of(config: TrainConfig, counts: dict[str, int]) -> int:
    """About how many training steps the folds of a run take, by the pictures of its splits."""
    if not config.folds:
        return 0
    rows = round((counts["train"] + counts["val"]) * (1 - 1 / config.folds))
    views = config.feature_views if config.frozen else 1
    return config.folds * config.epochs * count_steps(rows * views, config)


def _part(pictures: Pictures, train: Indices, val: Indices) -> Pictures:
    return replace(pictures, splits={"train": train, "val": val, "test": val[:0]})


def _done(path: Path, recipe: dict[str, int]) -> list[float]:
    """The accuracies that a worker before this one has left for the same recipe."""
    found = read_json(path)
    if not isinstance(found, dict) or {name: found.get(name) for name in recipe} != recipe:
        return []
    return [float(value) for value in found.get("accuracy", [])][: recipe["count"]]


PlanOf = Callable[[Pictures], Plan]


def _heads(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pool: Pictures,
    device: torch.device,
    progress: Progress,
) -> PlanOf:
    """Heads on features, which nearly all are there already."""
    spec = pool.spec
    folder = workspace.features / features.key_of(config.model, network, spec.key)
    stores = features.ensure(
        folder,
        pool,
        config.feature_views,
        lambda: backbone_forward(workspace, network, spec, device),
        lambda fraction: progress(0.0),  # only to be stopped: the folds have the bar
    )

    def plan_of(pictures: Pictures) -> Plan:
        def tensors(split: str, views: int) -> tuple[torch.Tensor, torch.Tensor]:
            hashes = pictures.hashes(split)
            found = np.stack([store.get(hashes) for store in stores[:views]])
            labels = torch.from_numpy(np.array(pictures.labels(split)))
            return torch.from_numpy(found).to(device), labels.to(device)

        train, train_labels = tensors("train", len(stores))
        val, val_labels = tensors("val", 1)
        head = new_head(train.shape[-1], len(pictures.classes))
        standardise(head, train)
        data = FeatureData(
            *(train, train_labels, val[0], val_labels, config.batch_size, config.seed),
            balanced=config.balance == "sampling",
        )
        return Plan(head, data)

    return plan_of


def _networks(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pool: Pictures,
    device: torch.device,
    progress: Progress,
) -> PlanOf:
    """Whole networks, as new as that of the run was."""

    def plan_of(pictures: Pictures) -> Plan:
        inputs = Inputs(pictures.spec.channels, pictures.spec.size, len(pictures.classes))
        fresh = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
        fresh.to(memory_format=torch.channels_last)
        return pixels_plan(workspace, config, fresh, pictures, device, progress)

    return plan_of


def _accuracy(plan: Plan, device: torch.device) -> float:
    """The share of the pictures of the fold that are classified right."""
    module, right, total = plan.module.to(device).eval(), 0, 0
    with torch.inference_mode():
        for inputs, labels, _ in plan.data.val_dataloader():
            guesses = module(inputs.to(device)).argmax(1)
            right += int((guesses == labels.to(device)).sum())
            total += len(labels)
    return right / total


class _TrainingOnly(ResidentData):
    """No validation: by the pictures that are measured on nothing is chosen."""

    def __init__(self, loader: BatchLoader) -> None:
        super().__init__()
        self.loader = loader

    def train_dataloader(self) -> BatchLoader:
        """What the plan trains on."""
        return self.loader


class _Told(Callback):
    """Tells how far the folds are, and lets itself be stopped by who is told."""

    def __init__(self, progress: Progress, steps: int, number: int, count: int) -> None:
        self.progress, self.steps, self.number, self.count = progress, steps, number, count
        self._told = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """At most ten times a second."""
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            share = min(1.0, trainer.global_step / max(1, self.steps))
            self.progress((self.number + share) / self.count)
