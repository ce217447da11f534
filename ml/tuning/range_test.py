"""The learning-rate range test: let the rate rise step by step, and see where the loss falls best.

L. N. Smith 2015, "Cyclical learning rates for training neural networks",
https://arxiv.org/abs/1506.01186. The pick is the *valley* that fastai takes: two thirds into the
longest stretch over which the loss falls, where it still falls fast and is not yet near the edge.
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
from ml.hardware import threads
from ml.models import Inputs, build, options_of
from ml.training import profiling
from ml.training.finetuning import Plan, features_plan, pixels_plan
from ml.training.optim.optimizer import optimizer
from ml.workspace import Workspace

STEPS = 120
LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.9
"""Of the running mean of the loss; a batch is too noisy alone."""
DIVERGED = 4.0
"""The test ends when the loss is so many times its lowest."""
LEAST = 10
"""Fewer steps than this tell nothing."""


def range_test(
    workspace: Workspace,
    config: TrainConfig,
    record: dict[str, Any],
    progress: Callable[[float], None] = lambda share: None,
    steps: int = STEPS,
) -> dict[str, Any]:
    """``rates``, the smoothed training ``losses`` beside them, and the ``pick``.

    Only training pictures are looked at. Nothing is kept: the network goes with the test.

    Raises:
        MLError: the loss never fell.
    """
    torch.set_num_threads(threads(config.threads))
    plan, device = _plan(workspace, config, record, lambda share: progress(0.5 * share))
    module = plan.module.to(device).train()
    change = optimizer(module, config, plan.rates)
    mean, lowest = 0.0, math.inf
    rates: list[float] = []
    losses: list[float] = []
    for number, (inputs, labels) in zip(range(steps), _batches(plan, config, device), strict=False):
        rate = LOWEST * (HIGHEST / LOWEST) ** (number / max(1, steps - 1))
        for group in change.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        loss = functional.cross_entropy(
            module(inputs), labels, label_smoothing=config.label_smoothing
        )
        change.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        change.step()
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(loss.detach())
        smooth = mean / (1 - SMOOTHING ** (number + 1))
        if not math.isfinite(smooth) or (number >= LEAST and smooth > DIVERGED * lowest):
            break
        rates.append(rate)
        losses.append(smooth)
        lowest = min(lowest, smooth)
        progress(0.5 + 0.5 * (number + 1) / steps)
    progress(1.0)
    return {"rates": rates, "losses": losses, "pick": pick(rates, losses)}


def pick(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate two thirds into the longest falling subsequence of ``losses``, to two digits.

    Raises:
        MLError: the loss never fell.

    >>> pick([1e-4, 1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.5, 1.0, 0.9, 4.0])
    0.01
    """
    length, before = [1] * len(losses), [-1] * len(losses)
    for i in range(len(losses)):
        for j in range(i):
            if losses[j] > losses[i] and length[j] + 1 > length[i]:
                length[i], before[i] = length[j] + 1, j
    end = max(range(len(losses)), key=length.__getitem__, default=-1)
    path: list[int] = []
    while end >= 0:
        path.append(end)
        end = before[end]
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
    """What a run of ``config`` would train, and on what."""
    device = profiling.device_for(config)
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    torch.manual_seed(mix(config.seed, 0, 3))
    inputs = Inputs(spec.channels, spec.size, len(record["classes"]))
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(memory_format=torch.channels_last)
    pictures = open_pictures(workspace, record, spec, progress=progress)
    make = features_plan if config.frozen else pixels_plan
    return make(workspace, config, network, pictures, device, progress), device


def _batches(
    plan: Plan, config: TrainConfig, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The training batches of one epoch after another, without end."""
    loader, epoch = plan.data.train_dataloader(), 0
    while True:
        loader.sampler.set_epoch(epoch)
        torch.manual_seed(mix(config.seed, epoch, 2))
        for inputs, labels, _ in loader:
            yield inputs.to(device), labels.to(device)
        epoch += 1
