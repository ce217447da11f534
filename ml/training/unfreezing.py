"""Gradual unfreezing: a pretrained network in parts, from the head down, with layer-wise rates.

Gradual unfreezing and rates that fall from part to part are those of Howard and Ruder 2018,
https://arxiv.org/abs/1801.06146.
"""

import math
from itertools import chain
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ml.models.network import Network
from ml.training.optim.optimizer import Rates

MAX_PARTS = 6
"""At most so many parts; more would be opened less than an epoch apart."""
ALL_OPEN_SHARE = 0.5
"""From this share of the epochs on, everything trains."""


def parts_of(network: Network) -> list[list[nn.Module]]:
    """Body and neck as at most ``MAX_PARTS`` lists of modules, the top one first.

    A part is a few blocks that follow one another; what only scales or shifts belongs to the layer
    before it.
    """
    units: list[list[nn.Module]] = []
    for module in (*_units(network.body), *_units(network.neck)):
        if units and not any(p.ndim > 1 for p in module.parameters()):
            units[-1].append(module)
        else:
            units.append([module])
    count = min(MAX_PARTS, len(units))
    ends = [len(units) * n // count for n in range(count + 1)]
    parts = [list(chain(*units[ends[n] : ends[n + 1]])) for n in range(count)]
    return parts[::-1]


def _units(module: nn.Module) -> list[nn.Module]:
    """The blocks of a network in their order: lists of modules are looked into, blocks are not."""
    is_list = type(module) in (nn.Sequential, nn.ModuleList)
    if not is_list and not _is_shell(module):
        return [module] if any(True for _ in module.parameters()) else []
    return [unit for child in module.children() for unit in _units(child)]


def _is_shell(module: nn.Module) -> bool:
    """Whether it is a whole network around a list of blocks, rather than one block."""
    return (
        any(
            type(part) in (nn.Sequential, nn.ModuleList) and len(list(part.children())) > 2
            for part in module.children()
        )
        and sum(1 for _ in module.modules()) > 50
    )


def rates_of(network: Network, decay: float) -> Rates:
    """1 for the head, ``decay`` for the part below it, and so on; what is in no part, such as a
    table of positions, belongs to the bottom one."""
    parts = parts_of(network)
    depth = {
        id(parameter): number
        for number, part in enumerate(parts, 1)
        for module in part
        for parameter in module.parameters()
    }
    depth |= {id(parameter): 0 for parameter in network.head.parameters()}
    rates = {
        name: decay ** depth.get(id(parameter), len(parts))
        for name, parameter in network.named_parameters()
    }
    return rates.__getitem__


def open_parts(epoch: int, epochs: int, count: int) -> int:
    """How many of ``count`` parts train in ``epoch`` (from 0) of ``epochs``: the top one at first,
    all of them from half of the epochs on.

    >>> [open_parts(epoch, 10, 6) for epoch in range(7)]
    [1, 2, 3, 4, 5, 6, 6]
    """
    all_open_epoch = max(1, round(ALL_OPEN_SHARE * epochs))
    return (
        count if epoch >= all_open_epoch else math.ceil(count * (epoch + 1) / (all_open_epoch + 1))
    )


class Unfreezing(Callback):
    """Lets more of a network train from epoch to epoch. It is a function of the epoch alone, hence
    exact on resume.

    Batch normalisation keeps the statistics of pretraining: those of a small batch of other
    pictures would change what the head was fitted on, all at once.
    """

    def __init__(self, network: Network, epochs: int) -> None:
        self.network, self.epochs = network, epochs

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Open the parts of this epoch."""
        network, parts = self.network, parts_of(self.network)
        count = open_parts(trainer.current_epoch, self.epochs, len(parts))
        all_open = count == len(parts)
        network.requires_grad_(all_open)
        network.train(all_open)
        for module in (network.head, *chain(*parts[:count])):
            module.requires_grad_(True)
            module.train()
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
