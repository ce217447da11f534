"""The largest batch that fits, and the one that is fastest, by real training steps on this machine.

A process that asks a CPU's memory for too much is killed, and can tell nothing then. So batches are
doubled only while the memory of the steps before says that the next one fits.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psutil
import torch

from ml.config import TrainConfig
from ml.data.pixels.pixels import PixelSpec
from ml.errors import BadInputError
from ml.hardware import peak_memory, threads
from ml.models import Inputs, build, options_of
from ml.training import profiling
from ml.training.optim.optimizer import optimizer
from ml.workspace import Workspace

FIRST = 4
MOST = 4096
SHARE = 0.8
"""Of the memory that is free: the rest is for everything else."""
SLOW_SECONDS = 20.0
"""A step that would take longer is not tried."""
AS_FAST = 0.95
"""The smallest batch with this share of the best speed is called the fastest: it learns more from
each picture."""


@dataclass(frozen=True)
class Step:
    """One measured batch: its peak of memory in bytes, its time, and pictures a second."""

    batch: int
    memory: int
    seconds: float
    speed: float


def largest_batch(
    workspace: Workspace,
    config: TrainConfig,
    classes: int,
    pictures: int,
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """``largest`` and ``fastest`` batch, the ``steps`` measured, and ``limit`` in bytes.

    ``why`` says what ended it: memory, time, or the number of training ``pictures``.

    Raises:
        BadInputError: only the last layer is trained, so that every batch fits.
    """
    if config.frozen:
        raise BadInputError(
            "Only the last layer is trained, on features that are kept: every batch fits. "
            "A batch of 64 to 128 learns best."
        )
    torch.set_num_threads(threads(config.threads))
    device = profiling.device_for(config)
    channels = PixelSpec(config.image_size, config.colour).channels
    inputs = Inputs(channels, config.image_size, classes)
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(device).to(memory_format=torch.channels_last).train()
    precision = profiling.precision(workspace, network, config, device, channels)
    change = optimizer(network, config)
    limit, most = _limit(device), min(MOST, max(FIRST, pictures))
    steps: list[Step] = []

    def step(batch: int) -> Step:
        shape = (batch, config.image_size, config.image_size, channels)
        seen = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
        labels = torch.randint(0, classes, (batch,), device=device)
        best = float("inf")
        for _ in range(2):
            began = time.perf_counter()
            profiling.training_step(network, change, seen, labels, precision)
            best = min(best, time.perf_counter() - began)
        return Step(batch, _peak(device), best, batch / best)

    why, batch = "pictures", FIRST
    while batch <= most:
        if steps and (why := _refusal(steps, batch, limit)):
            break
        try:
            steps.append(step(batch))
        except torch.OutOfMemoryError:
            why = "memory"
            break
        progress(min(0.95, steps[-1].memory / limit))
        batch, why = 2 * batch, "pictures"
    progress(1.0)
    return {
        "largest": steps[-1].batch if why == "time" else reckon(steps, limit, most),
        "fastest": fastest(steps),
        "why": why,
        "limit": limit,
        "precision": precision,
        "steps": [asdict(one) for one in steps],
    }


def _refusal(steps: Sequence[Step], batch: int, limit: int) -> str:
    """Why ``batch`` is not to be tried after ``steps``; empty where it is."""
    if steps[-1].seconds * 2 * batch / steps[-1].batch > SLOW_SECONDS:
        return "time"
    return "memory" if _expected(steps, batch) > limit else ""


def _expected(steps: Sequence[Step], batch: int) -> float:
    """The memory that ``batch`` will take, on the straight line through the last two steps."""
    last = steps[-1]
    return last.memory + _slope(steps) * (batch - last.batch)


def _slope(steps: Sequence[Step]) -> float:
    """Bytes a picture. After one step nothing is known but what that took in all."""
    if len(steps) < 2:
        return 0.0
    before, last = steps[-2:]
    return max(1.0, (last.memory - before.memory) / (last.batch - before.batch))


def reckon(steps: Sequence[Step], limit: int, most: int) -> int:
    """The largest batch whose memory stays within ``limit``, by multiples of 4."""
    room = (limit - steps[-1].memory) / _slope(steps) if len(steps) > 1 else 0.0
    found = steps[-1].batch + max(0, int(room))
    return min(most, max(steps[-1].batch, found // 4 * 4))


def fastest(steps: Sequence[Step]) -> int:
    """The smallest batch that is nearly as fast, in pictures a second, as any."""
    best = max(one.speed for one in steps)
    return min(one.batch for one in steps if one.speed >= AS_FAST * best)


def _limit(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(SHARE * free)
    own = psutil.Process().memory_info().rss
    return own + int(SHARE * psutil.virtual_memory().available)


def _peak(device: torch.device) -> int:
    """The most memory so far, in bytes. Batches grow, so it is that of the last one."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return peak_memory()
