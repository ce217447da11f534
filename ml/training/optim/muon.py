"""Muon: momentum whose direction is orthogonal, for the weights of hidden layers.

Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the scale of the change is that of
Liu et al. 2025, https://arxiv.org/abs/2502.16982, so that rates and decay are those of AdamW. torch
has a Muon of its own, for matrices alone: kernels and all else would need a second optimizer.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
RMS = 0.2
"""Root mean square of AdamW's changes, which those of Muon are brought to."""


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix (A, B) whose singular values are all 1 (they are 0.7 to 1.2).

    A quintic Newton-Schulz iteration, which takes products of matrices alone.
    """
    first, second, third = COEFFICIENTS
    wide: Tensor = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x: Tensor = wide / wide.norm().clamp(min=1e-7)
    for _ in range(STEPS):
        square = x @ x.T
        x = first * x + (second * square + third * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Groups with ``muon`` true are changed by Muon, all others by AdamW, at the same rate.

    Kernels (D, C, h, w) are taken as matrices (D, C h w).

    Args:
        momentum: of Muon.
        betas: of AdamW.
    """

    def __init__(
        self,
        params: list[Any],
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "betas": betas, "muon": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters; returns what ``closure``, which computes the loss, returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            trained = [one for one in group["params"] if one.grad is not None]
            if group["muon"]:
                for parameter in trained:
                    self._muon(parameter, group)
            elif trained:
                self._adamw(trained, group)
        return loss

    def _muon(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state, gradient, momentum = self.state[parameter], parameter.grad, group["momentum"]
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        carried = state["momentum"].lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(carried, momentum)  # Nesterov's
        change = orthogonal(ahead.flatten(1))
        rate = group["lr"]
        parameter.mul_(1 - rate * group["weight_decay"])
        scale = RMS * math.sqrt(max(change.shape))
        parameter.add_(change.reshape(parameter.shape), alpha=-rate * scale)

    def _adamw(self, trained: list[Any], group: dict[str, Any]) -> None:
        for parameter in trained:
            if not self.state[parameter]:
                self.state[parameter] = {
                    "step": torch.tensor(0.0),
                    "first": torch.zeros_like(parameter),
                    "second": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in trained]
        adamw(
            trained,
            [parameter.grad for parameter in trained],
            [state["first"] for state in states],
            [state["second"] for state in states],
            [],
            [state["step"] for state in states],
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )
