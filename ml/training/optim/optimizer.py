"""Optimizers by configuration: parameter groups, weight decay and learning rate scales."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ml.config import TrainConfig
from ml.training.optim.muon import Muon

Rates = Callable[[str], float]
"""What the learning rate of a parameter is multiplied with, by its name in the module."""
PLACES = re.compile("pos|token|bias", re.IGNORECASE)
"""Names of tables that say where something is: position and class tokens, biases of attention."""


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay is for this parameter: for matrices and kernels alone.

    What is a vector (biases, the scales of normalisation, of layers and class tokens, with axes of
    length 1 or without) and what tells a position is no weight that could overfit; pulling it to
    zero only harms (He et al. 2018, https://arxiv.org/abs/1812.01187).
    """
    is_vector = sum(length > 1 for length in parameter.shape) < 2
    return not is_vector and not PLACES.search(name.rpartition(".")[2])


def decaying(module: nn.Module) -> frozenset[str]:
    """The names of the parameters that weight decay is for."""
    return frozenset(name for name, value in module.named_parameters() if decays(name, value))


def groups(
    module: nn.Module,
    config: TrainConfig,
    rates: Rates | None = None,
    decay: frozenset[str] | None = None,
) -> list[Any]:
    """Parameter groups of what is to be trained: each with ``params``, ``weight_decay`` and
    ``lr_scale``, which the task multiplies the learning rate with. Those that decay come first.

    Args:
        rates: of each parameter by its name; 1 for all where it is None.
        decay: ``decaying`` of the module before its parameters were divided among processes, which
            leaves them without their shape.
    """
    chosen = decaying(module) if decay is None else decay
    grouped: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            key = (name not in chosen, rates(name) if rates else 1.0)
            grouped.setdefault(key, []).append(parameter)
    ordered = sorted(grouped.items(), key=lambda item: (item[0][0], -item[0][1]))
    return [
        {
            "params": parameters,
            "weight_decay": 0.0 if free else config.weight_decay,
            "lr_scale": scale,
        }
        for (free, scale), parameters in ordered
    ]


def optimizer(
    module: nn.Module,
    config: TrainConfig,
    rates: Rates | None = None,
    decay: frozenset[str] | None = None,
) -> torch.optim.Optimizer:
    """The optimizer that ``config`` asks for, over the trained parameters of ``module``."""
    parts = groups(module, config, rates, decay)
    kinds = {parameter.device.type for part in parts for parameter in part["params"]}
    fused = kinds <= {"cpu", "cuda"}
    if config.optimizer == "sgd":
        nesterov = config.momentum > 0
        # torch's fused SGD fails where parameters without momentum join those that have some.
        fused = fused and config.way != "gradual"
        return torch.optim.SGD(
            parts, config.learning_rate, config.momentum, nesterov=nesterov, fused=fused
        )
    if config.optimizer == "muon":
        return Muon(hidden(module, parts), config.learning_rate)
    return torch.optim.AdamW(parts, config.learning_rate, fused=fused)


def hidden(module: nn.Module, parts: list[Any]) -> list[Any]:
    """``parts`` with ``muon`` true for the weights of hidden layers, which Muon is for.

    The classifier, which is the last weight, and all that does not decay are left to AdamW.
    """
    weights = [one for name, one in module.named_parameters() if decays(name, one)]
    last = weights[-1] if weights else None
    split_parts: list[Any] = []
    for part in parts:
        own = [one for one in part["params"] if any(one is weight for weight in weights[:-1])]
        rest = [one for one in part["params"] if one is last or not any(one is w for w in weights)]
        split_parts += [
            {**part, "params": some, "muon": of} for some, of in ((own, True), (rest, False))
        ]
    return [part for part in split_parts if part["params"]]
