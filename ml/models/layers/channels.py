"""First layers for pictures with more or fewer channels than a network was made for."""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Conv2d)


def first_layer(old: nn.Conv2d, channels: int, stride: int = 0, kernel: int = 0) -> nn.Conv2d:
    """A new first layer like ``old`` for ``channels``, with another stride and kernel if given."""
    same = channels == old.in_channels and stride in (0, old.stride[0])
    if same and kernel in (0, old.kernel_size[0]):
        return old
    kernel = kernel or int(old.kernel_size[0])
    stride = stride or int(old.stride[0])
    padding = kernel // 2 if stride < kernel else 0
    bias = old.bias is not None
    return nn.Conv2d(channels, old.out_channels, kernel, stride, padding, bias=bias)


def more_channels(learned: Layer, channels: int) -> Layer:
    """A first layer that learned on colours, for pictures with more channels than those.

    The new ones begin as the mean of the old, and all are scaled so that the sum stays as large.
    """
    known = learned.in_channels
    if channels <= known:
        return learned
    layer = copy.deepcopy(learned)
    layer.in_channels = channels
    with torch.no_grad():
        mean = learned.weight.mean(1, keepdim=True).expand(-1, channels - known, -1, -1)
        weight = torch.cat((learned.weight, mean), 1) * (known / channels)
    layer.weight = nn.Parameter(weight)
    return layer


def for_channels(figures: Sequence[float], channels: int) -> tuple[float, ...]:
    """Figures of the known channels, and their mean for those beyond them.

    >>> for_channels((1.0, 2.0, 3.0), 4)
    (1.0, 2.0, 3.0, 2.0)
    """
    known = tuple(figures)
    return known + (sum(known) / len(known),) * max(0, channels - len(known))
