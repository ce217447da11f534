"""Adapt the first convolution of a network to another number of input channels."""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Conv2d)


def first_layer(old: nn.Conv2d, channels: int, stride: int = 0, kernel: int = 0) -> nn.Conv2d:
    """A new first convolution like ``old`` for ``channels`` input channels.

    ``stride`` and ``kernel`` replace those of ``old`` unless they are 0. Where nothing differs,
    ``old`` itself is returned.
    """
    is_unchanged = channels == old.in_channels and stride in (0, old.stride[0])
    if is_unchanged and kernel in (0, old.kernel_size[0]):
        return old
    kernel = kernel or int(old.kernel_size[0])
    stride = stride or int(old.stride[0])
    padding = kernel // 2 if stride < kernel else 0
    bias = old.bias is not None
    return nn.Conv2d(channels, old.out_channels, kernel, stride, padding, bias=bias)


def expand_input_channels(pretrained_layer: Layer, channels: int) -> Layer:
    """A pretrained first convolution with more input channels.

    The weights of an added channel start as the mean of the pretrained ones, and all are scaled so
    that the activations keep their size.
    """
    pretrained_channels = pretrained_layer.in_channels
    if channels <= pretrained_channels:
        return pretrained_layer
    layer = copy.deepcopy(pretrained_layer)
    layer.in_channels = channels
    with torch.no_grad():
        mean = pretrained_layer.weight.mean(1, keepdim=True).expand(
            -1, channels - pretrained_channels, -1, -1
        )
        weight = torch.cat((pretrained_layer.weight, mean), 1) * (pretrained_channels / channels)
    layer.weight = nn.Parameter(weight)
    return layer


def statistics_for_channels(statistics: Sequence[float], channels: int) -> tuple[float, ...]:
    """Means or deviations by channel; an added channel gets the mean of the pretrained ones.

    >>> statistics_for_channels((1.0, 2.0, 3.0), 4)
    (1.0, 2.0, 3.0, 2.0)
    """
    pretrained = tuple(statistics)
    return pretrained + (sum(pretrained) / len(pretrained),) * max(0, channels - len(pretrained))
