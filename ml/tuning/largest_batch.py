"""Find the largest batch size that fits in memory and the fastest one, by real training steps.

The operating system kills a process that takes too much memory. So batches are doubled only while
the memory of the steps so far predicts that the next one fits.
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
from ml.hardware import peak_memory, thread_count
from ml.models import Inputs, build, options_of
from ml.training import profiling
from ml.training.optim.optimizer import optimizer
from ml.workspace import Workspace

MIN_BATCH = 4
MAX_BATCH = 4096
MEMORY_SHARE = 0.8
"""The share of the free memory that a batch may take."""
MAX_STEP_SECONDS = 20.0
"""A batch whose step is predicted to take longer is not tried."""
MIN_SHARE_OF_BEST_SPEED = 0.95
"""The smallest batch with this share of the best speed counts as the fastest, since a small batch
learns more from each picture."""


@dataclass(frozen=True)
class Measurement:
    """One measured batch size: memory peak in bytes, seconds a step, pictures a second."""

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
    """A dictionary with the ``largest`` and the ``fastest`` batch size.

    ``steps`` lists the measurements, ``limit`` is the memory limit in bytes, ``precision`` that of
    the steps. ``why`` names what ended the search: "memory", "time" or "pictures" (the batch would
    exceed the training ``pictures``).

    Raises:
        BadInputError: only the last layer is trained, so that every batch fits.
    """
    if config.frozen:
        raise BadInputError(
            "Only the last layer is trained, on features that are kept: every batch fits. "
            "A batch of 64 to 128 learns best."
        )
    torch.set_num_threads(thread_count(config.threads))
    device = profiling.device_for(config)
    channels = PixelSpec(config.image_size, config.colour).channels
    inputs = Inputs(channels, config.image_size, classes)
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(device).to(memory_format=torch.channels_last).train()
    precision = profiling.precision(workspace, network, config, device, channels)
    weight_optimizer = optimizer(network, config)
    limit, max_batch = _memory_limit(device), min(MAX_BATCH, max(MIN_BATCH, pictures))
    measurements: list[Measurement] = []

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        profiling.training_step(network, weight_optimizer, images, labels, precision)

    reason, batch = "pictures", MIN_BATCH
    while batch <= max_batch:
        if measurements and (reason := _stop_reason(measurements, batch, limit)):
            break
        try:
            measurements.append(_measure(step, batch, inputs, device))
        except torch.OutOfMemoryError:
            reason = "memory"
            break
        progress(min(0.95, measurements[-1].memory / limit))
        batch, reason = 2 * batch, "pictures"
    progress(1.0)
    return {
        "largest": measurements[-1].batch
        if reason == "time"
        else extrapolate_largest(measurements, limit, max_batch),
        "fastest": fastest(measurements),
        "why": reason,
        "limit": limit,
        "precision": precision,
        "steps": [asdict(one) for one in measurements],
    }


def _measure(
    step: Callable[[torch.Tensor, torch.Tensor], None],
    batch: int,
    inputs: Inputs,
    device: torch.device,
) -> Measurement:
    """Memory peak and the faster of two training steps with random pictures."""
    shape = (batch, inputs.size, inputs.size, inputs.channels)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    labels = torch.randint(0, inputs.classes, (batch,), device=device)
    seconds = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        step(images, labels)
        seconds = min(seconds, time.perf_counter() - start)
    return Measurement(batch, _memory_peak(device), seconds, batch / seconds)


def _stop_reason(measurements: Sequence[Measurement], batch: int, limit: int) -> str:
    """Why ``batch`` must not be tried: "time", "memory", or "" where it may be."""
    if measurements[-1].seconds * 2 * batch / measurements[-1].batch > MAX_STEP_SECONDS:
        return "time"
    return "memory" if _expected_memory(measurements, batch) > limit else ""


def _expected_memory(measurements: Sequence[Measurement], batch: int) -> float:
    """The memory for ``batch`` in bytes, by the line through the last two measurements."""
    last = measurements[-1]
    return last.memory + _bytes_per_picture(measurements) * (batch - last.batch)


def _bytes_per_picture(measurements: Sequence[Measurement]) -> float:
    """The slope of that line in bytes; 0 after one measurement."""
    if len(measurements) < 2:
        return 0.0
    previous, last = measurements[-2:]
    return max(1.0, (last.memory - previous.memory) / (last.batch - previous.batch))


def extrapolate_largest(measurements: Sequence[Measurement], limit: int, max_batch: int) -> int:
    """The largest multiple of 4 whose predicted memory stays within ``limit`` bytes."""
    extra_pictures = (
        (limit - measurements[-1].memory) / _bytes_per_picture(measurements)
        if len(measurements) > 1
        else 0.0
    )
    batch = measurements[-1].batch + max(0, int(extra_pictures))
    return min(max_batch, max(measurements[-1].batch, batch // 4 * 4))


def fastest(measurements: Sequence[Measurement]) -> int:
    """The smallest batch that is nearly as fast, in pictures a second, as the fastest."""
    best_speed = max(measurement.speed for measurement in measurements)
    return min(
        measurement.batch
        for measurement in measurements
        if measurement.speed >= MIN_SHARE_OF_BEST_SPEED * best_speed
    )


def _memory_limit(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(MEMORY_SHARE * free)
    used = psutil.Process().memory_info().rss
    return used + int(MEMORY_SHARE * psutil.virtual_memory().available)


def _memory_peak(device: torch.device) -> int:
    """The memory peak so far in bytes, which is that of the last and largest batch."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return peak_memory()
