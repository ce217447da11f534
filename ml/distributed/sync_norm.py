"""Synchronised batch normalisation: mean and variance over the batch of all ranks, on CPU and GPU.

Without it each rank normalises by its own part of the batch, and two ranks learn something else
than one. torch's ``SyncBatchNorm`` needs a GPU; ``_CpuSyncBatchNorm`` works on a CPU.
"""

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.plugins import LayerSync
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _AllReduceSum(torch.autograd.Function):
    """A differentiable all-reduce (sum), whose gradient is the all-reduced gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def _all_reduce_sum(value: Tensor) -> Tensor:
    total: Tensor = _AllReduceSum.apply(value)
    return total


class _CpuSyncBatchNorm(_BatchNorm):
    """Normalises by the mean and variance over the batches of all ranks."""

    def _check_input_dim(self, input: Tensor) -> None:
        """The layer's original class has checked the dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        reduced_dimensions = [0, *range(2, x.ndim)]
        shape = (1, -1, *[1] * (x.ndim - 2))
        count_here = x.new_full((1,), x.numel() // x.shape[1])
        sums = _all_reduce_sum(torch.cat([x.sum(reduced_dimensions), count_here]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        # Two passes: mean(x^2) - mean(x)^2 would lose half the digits.
        centred = x - mean.view(shape)
        variance = _all_reduce_sum(centred.square().sum(reduced_dimensions)) / count
        self._update_running_statistics(mean.detach(), variance.detach(), count)
        normalised = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(input.dtype)

    def _update_running_statistics(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        with torch.no_grad():
            assert (
                self.num_batches_tracked is not None
            )  # it exists with the running mean and variance
            self.num_batches_tracked.add_(1)
            momentum = self.momentum
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)


class SyncNorm(LayerSync):
    """Lightning's layer synchronisation: synchronises batch normalisation during a training.

    Only the class of a layer changes: its parameters, buffers and name stay.
    """

    def __init__(self, on_gpu: bool = False) -> None:
        self.layer_class = nn.SyncBatchNorm if on_gpu else _CpuSyncBatchNorm
        self._original_classes: dict[nn.Module, type] = {}

    def apply(self, model: nn.Module) -> nn.Module:
        """Synchronise every batch normalisation layer of ``model``."""
        for layer in model.modules():
            if isinstance(layer, _BatchNorm) and layer not in self._original_classes:
                self._original_classes[layer] = type(layer)
                layer.__class__ = self.layer_class
                layer.process_group = None  # type: ignore[assignment]  # what torch's asks for
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Give the layers of ``model`` their original classes."""
        for layer, original_class in self._original_classes.items():
            layer.__class__ = original_class
        self._original_classes.clear()
        return model
