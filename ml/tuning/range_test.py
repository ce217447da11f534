"""The learning-rate range test: raise the rate step by step and pick one where the loss falls.

L. N. Smith 2015, "Cyclical learning rates for training neural networks",
https://arxiv.org/abs/1506.01186. The pick is fastai's *valley*: two thirds into the longest falling
stretch of the loss, where it still falls fast and has not begun to diverge.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.errors import MLError
from ml.hardware import thread_count
from ml.models import Inputs, build, options_of
from ml.training import profiling
from ml.training.finetuning import Plan, features_plan, pixels_plan
from ml.training.optim.optimizer import optimizer
from ml.workspace import Workspace

DEFAULT_STEPS = 120
MIN_RATE, MAX_RATE = 1e-6, 10.0
SMOOTHING = 0.9
"""The decay of the running mean of the loss."""
DIVERGENCE_FACTOR = 4.0
"""The test ends when the loss exceeds its lowest value by this factor."""
MIN_STEPS = 10
"""The test ends after so many steps at the earliest."""


def range_test(
    workspace: Workspace,
    config: TrainConfig,
    record: dict[str, Any],
    progress: Callable[[float], None] = lambda share: None,
    steps: int = DEFAULT_STEPS,
) -> dict[str, Any]:
    """A dictionary with ``rates``, the smoothed training ``losses`` at them, and the ``pick``.

    The test uses training pictures alone, and writes nothing.

    Raises:
        MLError: the loss never fell.
    """
    torch.set_num_threads(thread_count(config.threads))
    plan, device = _plan(workspace, config, record, lambda share: progress(0.5 * share))
    module = plan.module.to(device).train()
    weight_optimizer = optimizer(module, config, plan.rates)
    running_mean, lowest = 0.0, math.inf
    rates: list[float] = []
    losses: list[float] = []
    for number, (inputs, labels) in zip(range(steps), _batches(plan, config, device), strict=False):
        rate = MIN_RATE * (MAX_RATE / MIN_RATE) ** (number / max(1, steps - 1))
        for group in weight_optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        loss = functional.cross_entropy(
            module(inputs), labels, label_smoothing=config.label_smoothing
        )
        weight_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        weight_optimizer.step()
        running_mean = SMOOTHING * running_mean + (1 - SMOOTHING) * float(loss.detach())
        smooth = running_mean / (1 - SMOOTHING ** (number + 1))
        if not math.isfinite(smooth) or (
            number >= MIN_STEPS and smooth > DIVERGENCE_FACTOR * lowest
        ):
            break
        rates.append(rate)
        losses.append(smooth)
        lowest = min(lowest, smooth)
        progress(0.5 + 0.5 * (number + 1) / steps)
    progress(1.0)
    return {"rates": rates, "losses": losses, "pick": valley(rates, losses)}


def valley(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate two thirds into the longest falling subsequence of ``losses``, to two digits.

    Raises:
        MLError: the loss never fell.

    >>> pick([1e-4, 1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.5, 1.0, 0.9, 4.0])
    0.01
    """
    lengths, previous = [1] * len(losses), [-1] * len(losses)
    for i in range(len(losses)):
        for j in range(i):
            if losses[j] > losses[i] and lengths[j] + 1 > lengths[i]:
                lengths[i], previous[i] = lengths[j] + 1, j
    index = max(range(len(losses)), key=lengths.__getitem__, default=-1)
    path: list[int] = []
    while index >= 0:
        path.append(index)
        index = previous[index]
    if len(path) < 3:
        raise MLError(
            "The loss did not fall at any learning rate, so none can be picked. Look at the "
            "pictures and their labels, or try another model."
        )
    path.reverse()
    return float(f"{rates[path[len(path) * 2 // 3 - (len(path) % 3 == 0)]]:.2g}")


def _plan(
    workspace: Workspace,
    config: TrainConfig,
    record: dict[str, Any],
    progress: Callable[[float], None],
) -> tuple[Plan, torch.device]:
    """The plan of a run with ``config``, and its device."""
    device = profiling.device_for(config)
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    torch.manual_seed(mix(config.seed, 0, 3))
    inputs = Inputs(spec.channels, spec.size, len(record["classes"]))
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(memory_format=torch.channels_last)
    pictures = open_pictures(workspace, record, spec, progress=progress)
    make_plan = features_plan if config.frozen else pixels_plan
    return make_plan(workspace, config, network, pictures, device, progress), device


def _batches(
    plan: Plan, config: TrainConfig, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The training batches of endless epochs."""
    loader, epoch = plan.data.train_dataloader(), 0
    while True:
        loader.sampler.set_epoch(epoch)
        torch.manual_seed(mix(config.seed, epoch, 2))
        for inputs, labels, _ in loader:
            yield inputs.to(device), labels.to(device)
        epoch += 1
