"""Batch normalisation over the whole batch where several processes share it.

Otherwise each process would normalise by its own part, and two processes would learn something else
than one. torch's ``SyncBatchNorm`` does it on graphics cards alone; on a CPU this does.
"""

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.plugins import LayerSync
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Sum(torch.autograd.Function):
    """The sum over all processes, of which each one's gradient is the sum of all gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        found = value.clone()
        dist.all_reduce(found)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        found = gradients[0].contiguous().clone()
        dist.all_reduce(found)
        return found


def _total(value: Tensor) -> Tensor:
    found: Tensor = _Sum.apply(value)
    return found


class _SharedNorm(_BatchNorm):
    """Normalises by mean and variance of the batches of all processes together."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Whatever it was before it was shared has checked that."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        along = [0, *range(2, x.ndim)]
        shape = (1, -1, *[1] * (x.ndim - 2))
        mine = x.new_full((1,), x.numel() // x.shape[1])
        sums = _total(torch.cat([x.sum(along), mine]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        # The mean first: the mean of squares less the square of the mean would lose half the digits
        centred = x - mean.view(shape)
        variance = _total(centred.square().sum(along)) / count
        self._remember(mean.detach(), variance.detach(), count)
        found = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            found = found * self.weight.view(shape) + self.bias.view(shape)
        return found.to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        with torch.no_grad():
            assert self.num_batches_tracked is not None  # it comes with the other two
            self.num_batches_tracked.add_(1)
            share = self.momentum
            if share is None:
                share = 1.0 / float(self.num_batches_tracked)
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)


class SyncNorm(LayerSync):
    """Lets Lightning share the batch normalisation of a network, and undo it after training.

    A layer changes its class and nothing else: its parameters, buffers and name stay.
    """

    def __init__(self, on_card: bool = False) -> None:
        self.kind = nn.SyncBatchNorm if on_card else _SharedNorm
        self._before: dict[nn.Module, type] = {}

    def apply(self, model: nn.Module) -> nn.Module:
        """Share every layer."""
        for layer in model.modules():
            if isinstance(layer, _BatchNorm) and layer not in self._before:
                self._before[layer] = type(layer)
                layer.__class__ = self.kind
                layer.process_group = None  # type: ignore[assignment]  # what torch's asks for
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """As it was."""
        for layer, kind in self._before.items():
            layer.__class__ = kind
        self._before.clear()
        return model
