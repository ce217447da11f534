"""Measurement of a learning curve: trains the same settings on a quarter, a half, three quarters
and all of the training pictures. Heavy: for child processes alone."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Indices, Pictures, open_pictures
from ml.data.splits.groups import group_ids
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

    All are measured on the run's test pictures, as its score is: nothing is chosen by them. Where
    there are none it is the validation pictures. Parts are of the pictures that the model of the
    run was fitted to. Every part is trained for as many steps as the whole, so that what is
    compared is the pictures, not how long was trained, and the last epoch counts. What is done is
    kept in ``reports/curve.json``: an interrupted measurement goes on after it.

    Args:
        progress: is told the share done, and may raise to stop.

    Raises:
        BadInputError: the run has no model, its pictures are gone, or there are too few.
    """
    started = time.perf_counter()
    if run.model is None:
        raise BadInputError(f"Run {run.name} has no model yet: let it finish first.")
    single_device = {"devices": 1, "num_nodes": 1, "strategy": "auto", "folds": 0}
    config, recipe = run.settings.changed(**single_device), learning_curve.recipe_of(run)
    device, choices = machine_for(config, surviving(run.events()[0]), ProcessGroup())
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    pictures = open_pictures(workspace, run.dataset, spec)
    taught = [pictures.indices(split) for split in learning_curve.taught_by(run)]
    train, measured_side = np.sort(np.concatenate(taught)), pictures.indices(recipe["measured_on"])
    if not len(measured_side):
        raise BadInputError(f"Run {run.name} has no test or validation pictures to measure on.")
    seeds = [config.split_seed + draw for draw in range(recipe["draws"])]
    orders = [nested(pictures, train, seed) for seed in seeds]
    inputs = Inputs(spec.channels, spec.size, len(pictures.classes))
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(memory_format=torch.channels_last)
    pool = sides(pictures, train, measured_side)
    plan_of = plans(workspace, config, network, pool, device, progress)

    finished_fits = _finished_fits(run, recipe)
    fits = [(draw, size) for draw in range(len(orders)) for size in range(learning_curve.SHARES)]
    for number, (draw, size) in enumerate(fits[len(finished_fits) :], len(finished_fits)):
        chosen = orders[draw][size]
        share = len(chosen) / len(train)
        own = longer(config, share).changed(seed=_seed(config.seed, draw))
        start_anew(own, 0)
        plan = plan_of(sides(pictures, chosen, measured_side))

        def report_share(part: float, number: int = number) -> None:
            progress((number + part) / len(fits))

        refit(plan, own, choices, len(pictures.classes), report_share)
        finished_fits.append("".join("01"[correct] for correct in hits(plan, device).tolist()))
        _store(run, {**recipe, "hits": finished_fits})
    progress(1.0)
    correct = np.array([[char == "1" for char in one] for one in finished_fits])
    correct = correct.reshape(len(orders), learning_curve.SHARES, -1).swapaxes(0, 1)
    counts = [
        round(float(np.mean([len(order[n]) for order in orders]))) for n in range(len(correct))
    ]
    measured = {
        **recipe,
        "run": run.id,
        "hits": finished_fits,
        **learning_curve.summary(
            correct,
            counts,
            group_ids(pictures.version.items, measured_side),
            recipe["measured_on"],
        ),
    }
    measured["seconds"] = time.perf_counter() - started
    _store(run, measured)
    return measured


def nested(pictures: Pictures, train: Indices, seed: int) -> list[Indices]:
    """A quarter, a half, three quarters and all of the pictures ``train``, each within the next.

    They are stratified, and what must not be parted (``ml.data.splits.stratified``) is in one part.

    Raises:
        BadInputError: there are too few pictures.
    """
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


def _store(run: Run, content: dict[str, Any]) -> None:
    learning_curve.path_of(run).parent.mkdir(exist_ok=True)
    write_json(learning_curve.path_of(run), content)


def _finished_fits(run: Run, recipe: dict[str, Any]) -> list[str]:
    """The fits that somebody before has left for the same recipe, if not all of them."""
    stored = read_json(learning_curve.path_of(run))
    if not isinstance(stored, dict) or "verdict" in stored:
        return []
    is_same_recipe = {name: stored.get(name) for name in recipe} == recipe
    return [str(one) for one in stored.get("hits", [])] if is_same_recipe else []
