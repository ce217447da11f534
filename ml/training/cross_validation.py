"""How much the accuracy of a recipe varies: cross-validation over training and validation pictures.

The pictures that are not the test are dealt out to parts; for each part the recipe is fitted anew
on all others, for as many epochs as the run had, and measured on it. Nothing is chosen by the part
that is measured on: the last epoch counts, not the best. What is shipped is the run's own model.
"""

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.config import TrainConfig
from ml.data.datamodule import count_steps
from ml.data.run_pictures import Pictures
from ml.data.splits.splits import stratified_group_folds
from ml.models.network import Network
from ml.runs.choices import RunChoices
from ml.runs.folder import Run
from ml.training.refit import Progress, hits, plans, refit, sides, start_anew
from ml.training.regression_head import STEPS_PER_EPOCH
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace


def cross_validate(
    workspace: Workspace,
    run: Run,
    config: TrainConfig,
    choices: RunChoices,
    network: Network,
    pictures: Pictures,
    progress: Progress,
) -> dict[str, Any] | None:
    """``count`` and the ``accuracy`` of each fold, their ``mean`` and ``std``; None where there are
    too few pictures for two.

    Folds that are done are kept in the run's ``folds.json``: whoever resumes goes on after them.

    Args:
        choices: for this machine, as the run has them.
        network: of the run; only its backbone is used, where that is frozen.
        progress: is told the share of all folds that is done, and may raise to stop.
    """
    pool = np.sort(np.concatenate([pictures.indices(split) for split in ("train", "val")]))
    parts = stratified_group_folds(pictures.version.items, pool, config.folds, config.split_seed)
    if len(parts) < 2:
        return None
    progress(0.0)
    device = torch.device(choices.device)
    everything = sides(pictures, pool, pool[:0])
    plan_of = plans(workspace, config, network, everything, device, progress)
    path = run.folder / "folds.json"
    recipe = {"count": len(parts), "epochs": config.epochs}
    accuracy = _done(path, recipe)
    for number in range(len(accuracy), len(parts)):
        start_anew(config, number)
        plan = plan_of(sides(pictures, np.setdiff1d(pool, parts[number]), parts[number]))

        def report_share(share: float, number: int = number) -> None:
            progress((number + share) / len(parts))

        refit(plan, config, choices, len(pictures.classes), report_share)
        accuracy.append(float(hits(plan, device).mean()))
        write_json(path, {**recipe, "accuracy": accuracy})
    progress(1.0)
    mean, spread = statistics.fmean(accuracy), statistics.stdev(accuracy)
    return {"count": len(parts), "accuracy": accuracy, "mean": mean, "std": spread}


def steps_of(config: TrainConfig, counts: dict[str, int]) -> int:
    """About how many training steps the folds of a run take, by the pictures of its splits."""
    if not config.folds:
        return 0
    if config.regression:
        return config.folds * config.epochs * STEPS_PER_EPOCH
    rows = round((counts["train"] + counts["val"]) * (1 - 1 / config.folds))
    views = config.feature_views if config.frozen else 1
    return config.folds * config.epochs * count_steps(rows * views, config)


def _done(path: Path, recipe: dict[str, int]) -> list[float]:
    """The accuracies that a worker before this one has left for the same recipe."""
    content = read_json(path)
    if not isinstance(content, dict) or {name: content.get(name) for name in recipe} != recipe:
        return []
    return [float(value) for value in content.get("accuracy", [])][: recipe["count"]]
