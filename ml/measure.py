"""Short measurements before a training starts: what is faster here, 32 or 16 bits?"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from ml.config import TrainConfig
from ml.machine import remember, remembered, versions
from ml.models.network import Network
from ml.workspace import Workspace

GAIN = 0.9
"""16 bits must take at most this share of the time of 32 to be worth its rounding."""
MEASURED_PIXELS = 8 * 128 * 128
"""A measured batch has about so many pixels: enough to tell, and soon over."""
ROUNDS = 3


def precision(
    workspace: Workspace, network: Network, config: TrainConfig, device: torch.device, channels: int
) -> str:
    """``bf16`` or ``32``: what the configuration says, or what is faster here.

    Measured once for each model, picture size and torch, and remembered.
    """
    if config.precision != "auto":
        return config.precision
    if device.type == "mps":
        return "32"
    key = (
        f"precision {config.model} {config.image_size}x{channels} {device.type} "
        f"{torch.get_num_threads()} threads torch {versions()['torch']}"
    )
    known = remembered(workspace).get(key)
    if known is None:
        known = {
            name: round(_seconds(network, config, device, channels, name), 5) for name in PLANS
        }
        remember(workspace, key, known)
    return "bf16" if known["bf16"] < GAIN * known["32"] else "32"


PLANS = ("32", "bf16")


def _seconds(
    network: Network, config: TrainConfig, device: torch.device, channels: int, plan: str
) -> float:
    """The shortest of a few training steps, in seconds. The network's state is left as it was."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    chance = torch.get_rng_state()
    size = config.image_size
    count = min(config.batch_size, max(4, MEASURED_PIXELS // size**2))
    pictures = torch.zeros(count, size, size, channels, dtype=torch.uint8, device=device)
    labels = torch.zeros(count, dtype=torch.long, device=device)
    network.train()

    def step() -> None:
        training_step(network, None, pictures, labels, plan)

    try:
        step()
        return min(_timed(step) for _ in range(ROUNDS))
    except RuntimeError:  # this device cannot compute in 16 bits
        if plan == "32":
            raise
        return float("1e9")
    finally:
        network.load_state_dict(before)
        torch.set_rng_state(chance)


def device_for(config: TrainConfig) -> torch.device:
    """Where a training of ``config`` would compute, by what torch finds here."""
    if config.device != "auto":
        return torch.device(config.device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def training_step(
    network: torch.nn.Module,
    change: torch.optim.Optimizer | None,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    precision: str,
) -> None:
    """One step, to its end also on an accelerator; without ``change`` the weights stay."""
    kind = inputs.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=precision == "bf16"):
        loss = functional.cross_entropy(network(inputs), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    if change:
        change.step()
    network.zero_grad()
    if kind == "cuda":
        torch.cuda.synchronize()
    elif kind == "mps":
        torch.mps.synchronize()


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
