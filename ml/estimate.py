"""How long a training will take and how much memory, told before it starts. Light: no torch."""

from dataclasses import dataclass
from typing import Any

from ml.config import TrainConfig
from ml.machine import Machine
from ml.models import registry

START_UP = 7.0
"""Seconds until torch and Lightning are loaded."""
FINISH = 4.0
"""Seconds for evaluation and export, besides the pictures themselves."""
MACS_PER_SECOND = {"cpu": 1.5e10, "mps": 2e11, "cuda": 1e12}
"""A cautious guess for one core or one accelerator, until this machine has been measured. A forward
pass alone, which ONNX Runtime does on a CPU, gets through twice as many."""
BASE_MEMORY = 700e6
"""A worker that has torch and Lightning loaded, in bytes."""
BYTES_PER_MAC = 0.5
"""Activations kept for the backward pass, bytes for each multiply-accumulate; measured on resnet18,
mobilenet_v3_small and small_cnn as a rounded upper figure."""


@dataclass(frozen=True)
class Estimate:
    """``seconds`` of the whole run, ``memory`` in bytes, and what the figures rest on."""

    seconds: float
    memory: float
    basis: str


def speed_key(config: TrainConfig, threads: int) -> str:
    """Under which key the pictures per second of such a training are remembered."""
    frozen = "features" if config.freeze_backbone and config.pretrained else "train"
    return (
        f"speed {frozen} {config.model} {config.image_size} {config.colour} "
        f"batch {config.batch_size} {config.device} {threads} threads"
    )


def estimate(
    config: TrainConfig, pictures: int, machine: Machine, measured: dict[str, Any]
) -> Estimate:
    """What a run over ``pictures`` (all splits together) will take.

    ``measured`` is ``ml.machine.remembered``: after the first run of its kind the estimate rests
    on that run's speed.
    """
    model = registry.get(config.model)
    scale = (config.image_size / model.native_size) ** 2
    macs = model.macs * scale
    threads = config.threads or machine.cores
    known = measured.get(speed_key(config, threads))
    frozen, folds = config.frozen, 0.85 * max(0, config.folds - 1)
    device = machine.accelerator if config.device == "auto" else config.device
    rate = MACS_PER_SECOND[device] * (threads if device == "cpu" else 1)
    per_second = float(known) if known else rate / (macs * (0.5 if frozen else 3))
    if frozen:
        # Features of every picture once, and of each further view of the training pictures.
        passes = pictures * (1 + 0.7 * (config.feature_views - 1))
        head = config.epochs * (0.7 + folds) * pictures * config.feature_views / 20_000
        work, batch = passes / per_second + head, 32
    else:
        work = config.epochs * (0.7 + folds) * pictures / per_second
        # Validation and test cost a forward pass, a third of a training step.
        work += (config.epochs * 0.15 + 0.3) * pictures / (3 * per_second)
        batch = config.batch_size
    kept = BYTES_PER_MAC * macs * batch * (0.1 if frozen else 1.0)
    weights = model.parameters * 4 * (1 if frozen else 4)
    memory = BASE_MEMORY + kept + weights
    basis = "measured on this computer" if known else "a rough guess: the first run measures it"
    return Estimate(START_UP + work + FINISH, memory, basis)
