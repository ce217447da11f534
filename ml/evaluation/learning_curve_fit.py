"""Measures a learning curve: the same settings on a quarter, a half, three quarters and all of the
training pictures. Heavy: for child processes alone."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Indices, Pictures, open_pictures
from ml.data.splits.splits import stratified_group_folds
from ml.distributed.group import ProcessGroup
from ml.errors import BadInputError
from ml.evaluation import learning_curve
from ml.models import Inputs, build, options_of
from ml.runs.events import surviving
from ml.runs.folder import Run
from ml.training.refit import hits, plans, refit, sides, start_anew
from ml.training.trainer import machine_for
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace

Progress = Callable[[float], None]


def measure(
    workspace: Workspace, run: Run, progress: Progress = lambda fraction: None
) -> dict[str, Any]:
    """Train the settings of ``run`` on parts of its training pictures: see
    ``ml.evaluation.learning_curve.summary``.

    All are measured on the run's validation pictures; its test pictures take no part. Every part is
    trained for as many steps as the whole, so that what is compared is the pictures, not how long
    was trained, and the last epoch counts. What is done is kept in ``reports/curve.json``: whoever
    was interrupted goes on after it.

    Args:
        progress: is told the share done, and may raise to stop.

    Raises:
        BadInputError: the run has no model, its pictures are gone, or there are too few.
    """
    began = time.perf_counter()
    if run.model is None:
        raise BadInputError(f"Run {run.name} has no model yet: let it finish first.")
    alone = {"devices": 1, "num_nodes": 1, "strategy": "auto", "folds": 0}
    config, recipe = run.settings.changed(**alone), learning_curve.recipe_of(run)
    device, choices = machine_for(config, surviving(run.events()[0]), ProcessGroup())
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    pictures = open_pictures(workspace, run.dataset, spec)
    train, val = pictures.indices("train"), pictures.indices("val")
    if not len(val):
        raise BadInputError(f"Run {run.name} has no validation pictures to measure on.")
    orders = [nested(pictures, config.split_seed + draw) for draw in range(recipe["draws"])]
    inputs = Inputs(spec.channels, spec.size, len(pictures.classes))
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(memory_format=torch.channels_last)
    plan_of = plans(workspace, config, network, sides(pictures, train, val), device, progress)

    done = _done(run, recipe)
    fits = [(draw, size) for draw in range(len(orders)) for size in range(learning_curve.SHARES)]
    for number, (draw, size) in enumerate(fits[len(done) :], len(done)):
        chosen = orders[draw][size]
        share = len(chosen) / len(train)
        own = longer(config, share).changed(seed=_seed(config.seed, draw))
        start_anew(own, 0)
        plan = plan_of(sides(pictures, chosen, val))

        def report_share(part: float, number: int = number) -> None:
            progress((number + part) / len(fits))

        refit(plan, own, choices, len(pictures.classes), report_share)
        done.append("".join("01"[right] for right in hits(plan, device).tolist()))
        _keep(run, {**recipe, "hits": done})
    progress(1.0)
    right = np.array([[char == "1" for char in one] for one in done])
    right = right.reshape(len(orders), learning_curve.SHARES, -1).swapaxes(0, 1)
    counts = [round(float(np.mean([len(order[n]) for order in orders]))) for n in range(len(right))]
    measured = {**recipe, "run": run.id, "hits": done, **learning_curve.summary(right, counts)}
    measured["seconds"] = time.perf_counter() - began
    _keep(run, measured)
    return measured


def nested(pictures: Pictures, seed: int) -> list[Indices]:
    """A quarter, a half, three quarters and all of the training pictures, each within the next.

    They are stratified, and what must not be parted (``ml.data.splits.stratified``) is in one part.

    Raises:
        BadInputError: there are too few pictures.
    """
    train = pictures.indices("train")
    parts = stratified_group_folds(pictures.version.items, train, learning_curve.SHARES, seed)
    if len(parts) < learning_curve.SHARES:
        raise BadInputError("There are too few training pictures to take a quarter of them.")
    return [np.sort(np.concatenate(parts[: n + 1])) for n in range(len(parts))]


def longer(config: TrainConfig, share: float) -> TrainConfig:
    """``config`` with so many epochs that a share of the pictures gives as many steps as all."""
    return config.changed(epochs=min(1000, round(config.epochs / share)))


def _seed(seed: int, draw: int) -> int:
    """The run's own for the first draw."""
    return mix(seed, draw, 4) % 2**31 if draw else seed


def _keep(run: Run, content: dict[str, Any]) -> None:
    learning_curve.path_of(run).parent.mkdir(exist_ok=True)
    write_json(learning_curve.path_of(run), content)


def _done(run: Run, recipe: dict[str, Any]) -> list[str]:
    """The fits that somebody before has left for the same recipe, if not all of them."""
    measured = read_json(learning_curve.path_of(run))
    if not isinstance(measured, dict) or "verdict" in measured:
        return []
    same = {name: measured.get(name) for name in recipe} == recipe
    return [str(one) for one in measured.get("hits", [])] if same else []
