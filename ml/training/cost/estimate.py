"""How long a training will take, how much memory and disk, told before it starts. Light: no torch.

The figures rest on what was measured on this computer: an earlier run of the kind, or a rehearsal
(``ml.training.dry_run``, ``python -m ml estimate``). Until there is one, they are a rough guess.
"""

from dataclasses import dataclass, replace
from typing import Any

from ml.config import TrainConfig
from ml.hardware import Machine
from ml.metrics.parity import count_compared
from ml.models import catalog as model_catalog

START_UP = 7.0
"""Seconds until torch and Lightning are loaded, until that was measured."""
FINISH = 4.0
"""Seconds for evaluation and export, besides the pictures themselves, until that was measured."""
MACS_PER_SECOND = {"cpu": 1.5e10, "mps": 2e11, "cuda": 1e12}
"""A cautious guess for one core or one accelerator, until this machine has been measured. A forward
pass alone, which ONNX Runtime does on a CPU, gets through twice as many."""
BASE_MEMORY = 700e6
"""A worker that has torch and Lightning loaded, in bytes."""
BESIDES = 0.4, 60e6
"""Seconds and bytes that a run takes and a rehearsal does not: Lightning's trainer, reports."""
BYTES_PER_MAC = 0.5
"""Activations kept for the backward pass, bytes for each multiply-accumulate; measured on resnet18,
mobilenet_v3_small and small_cnn as a rounded upper figure."""
HEAD_ROWS = 20_000
"""Rows of features that a head learns from in a second."""
USUAL_FEATURES = 1280
SECONDS_PER_ROW_AND_COLUMN = 5e-6
"""Of a path of ten penalties for about ten classes: rows times columns, of which there are no more
than rows. Measured on 300 to 5,000 pictures on one core."""
OF_EPOCH = 0.004
"""Seconds of an epoch besides its steps: figures, checkpoints flushed to the disk."""
TRAIN, VAL, TEST = 0.7, 0.15, 0.15
"""Shares of the pictures in each split."""


@dataclass(frozen=True)
class Estimate:
    """``seconds`` of the whole run, of which ``start_up`` pass before its first event; ``memory``
    and ``disk`` in bytes; what the figures rest on, and whether that was ``measured``."""

    seconds: float
    memory: float
    basis: str
    disk: float = 0.0
    start_up: float = START_UP
    measured: bool = False


def speed_key(config: TrainConfig, threads: int) -> str:
    """Under which key the pictures per second of such a training are remembered."""
    return f"speed {_kind(config, threads)}"


def cost_key(config: TrainConfig, threads: int) -> str:
    """Under which key a rehearsal of such a training is remembered."""
    return (
        f"cost {_kind(config, threads)} {config.pretrained} {config.precision} {config.augment} "
        f"{config.optimizer}"
    )


def _kind(config: TrainConfig, threads: int) -> str:
    return (
        f"{'features' if config.frozen else 'train'} {config.model} {config.image_size} "
        f"{config.colour} batch {config.batch_size} {config.device} {threads} threads"
    )


def estimate(
    config: TrainConfig, pictures: int, machine: Machine, measured: dict[str, Any]
) -> Estimate:
    """What a run over ``pictures`` (all splits together) will take.

    ``measured`` is ``ml.hardware.remembered``. A rehearsal tells all; the speed of an earlier run
    of the kind tells how long the training itself takes, and is preferred for that.
    """
    threads = config.threads or machine.cores
    known = measured.get(speed_key(config, threads))
    cost = measured.get(cost_key(config, threads))
    speed = float(known) if known else None
    if isinstance(cost, dict):
        expected = _rehearsed(config, pictures, cost, speed)
    else:
        expected = _guessed(config, pictures, machine, threads, speed)
    if config.minutes:
        expected = replace(expected, seconds=min(expected.seconds, 60 * config.minutes))
    return expected


def ending(config: TrainConfig, cost: dict[str, Any], val: float, test: float) -> float:
    """Seconds of export and evaluation, from a rehearsal, for so many pictures of each split."""
    some = count_compared(round(test), cached=config.frozen)
    asked = some if config.frozen else val + test  # features of the rest are kept
    return float(cost["export"] + some * cost["torch"] + asked * cost["classify"])


def _work(config: TrainConfig, pictures: int, training: float, validation: float) -> float:
    """Seconds of training, from those of one picture; of a frozen backbone, of its features."""
    folds = 0.85 * max(0, config.folds - 1)
    if config.frozen:
        # Features of every picture once, and of each further view of the training pictures.
        passes = pictures * (1 + TRAIN * (config.feature_views - 1))
        if config.regression:
            return passes * training + _regression(config, pictures)
        rows = config.epochs * (TRAIN + folds) * pictures * config.feature_views
        return passes * training + rows / HEAD_ROWS + config.epochs * OF_EPOCH
    work = config.epochs * (TRAIN + folds) * pictures * training
    return work + config.epochs * (VAL * pictures * validation + OF_EPOCH)


def _regression(config: TrainConfig, pictures: int) -> float:
    """Seconds of a path of penalties, and of one for each fold that is asked for."""
    rows = (TRAIN + VAL) * pictures * config.feature_views
    path = SECONDS_PER_ROW_AND_COLUMN * rows * min(rows, USUAL_FEATURES) * config.epochs / 10
    return (1 + config.folds) * path


def _rehearsed(
    config: TrainConfig, pictures: int, cost: dict[str, Any], speed: float | None
) -> Estimate:
    training = 1 / speed if speed else cost["feature"] if config.frozen else cost["step"]
    work = _work(config, pictures, training, cost.get("validate", 0.0))
    start_up = cost["start_up"]
    pixels = pictures * config.image_size**2 * (3 if config.colour == "rgb" else 1)
    held = 0.0 if config.frozen else min(pixels, 2e9)
    # The exported file, its weights, and of a whole network both checkpoints with their moments.
    moments = 1 if config.optimizer == "sgd" else 2
    disk = cost["model"] * (2 if config.frozen else 4 + moments)
    # After each epoch the best weights, where it is the best, and the last with their moments.
    saving = config.epochs * (2 + moments) * cost.get("save", 0.0)
    return Estimate(
        start_up
        + BESIDES[0]
        + cost["build"]
        + work
        + saving
        + ending(config, cost, VAL * pictures, TEST * pictures),
        cost["memory"] + BESIDES[1] + held,
        "measured on this computer",
        disk,
        start_up,
        True,
    )


def _guessed(
    config: TrainConfig, pictures: int, machine: Machine, threads: int, speed: float | None
) -> Estimate:
    model = model_catalog.get(config.model)
    macs = model.macs * (config.image_size / model.native_size) ** 2
    device = machine.accelerator if config.device == "auto" else config.device
    rate = MACS_PER_SECOND[device] * (threads if device == "cpu" else 1)
    training = 1 / speed if speed else macs * (0.5 if config.frozen else 3) / rate
    # Validation and test cost a forward pass, a third of a training step.
    work = _work(config, pictures, training, training / 3) + 0.3 * pictures * training / 3
    batch = 32 if config.frozen else config.batch_size
    kept_bytes = BYTES_PER_MAC * macs * batch * (0.1 if config.frozen else 1.0)
    weights = model.parameters * 4 * (1 if config.frozen else 4)
    disk = 16.0 * model.parameters
    basis = "measured on this computer" if speed else "a rough guess until it is measured"
    return Estimate(START_UP + work + FINISH, BASE_MEMORY + kept_bytes + weights, basis, disk)
