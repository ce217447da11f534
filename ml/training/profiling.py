"""Short measurements before a training starts: what is faster here, 32 or 16 bits?"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from ml.config import TrainConfig
from ml.hardware import read_measurements, save_measurement, versions
from ml.models.network import Network
from ml.workspace import Workspace

GAIN = 0.9
"""16 bits must take at most this share of the time of 32 to be worth its rounding."""
BATCHES = ((128 * 128, 2, 1), (8 * 128 * 128, 4, 3))
"""About how many pixels a measured batch has, how many pictures at least, and how often it is
measured: enough to tell, and soon over."""
MAX_SLOWDOWN = 2.0
"""After a first step in 16 bits that takes so many times as long as one in 32 no more are taken."""
CPU_BF16_FEATURES = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""The capabilities, as ``torch.cpu.get_capabilities`` calls them, of a CPU that computes in bf16
(the last two of ARM). Any other emulates it, ten times slower."""


def precision(
    workspace: Workspace, network: Network, config: TrainConfig, device: torch.device, channels: int
) -> str:
    """``bf16`` or ``32``: what the configuration says, or what is faster here.

    Measured once for each model, picture size and torch, and remembered. A CPU without bf16
    arithmetic is not measured.
    """
    if config.precision != "auto":
        return config.precision
    if device.type == "mps" or (device.type == "cpu" and not cpu_computes_bf16()):
        return "32"
    key = (
        f"precision {config.model} {config.image_size}x{channels} {device.type} "
        f"{torch.get_num_threads()} threads torch {versions()['torch']}"
    )
    known = read_measurements(workspace).get(key)
    if known is None:
        known = _measured(network, config, device, channels)
        save_measurement(workspace, key, known)
    return "bf16" if known["bf16"] < GAIN * known["32"] else "32"


def cpu_computes_bf16() -> bool:
    """Whether this CPU has bf16 arithmetic; True where an older torch cannot say."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is None:
        return True
    supported = capabilities()
    return any(supported.get(name) for name in CPU_BF16_FEATURES)


def _measured(
    network: Network, config: TrainConfig, device: torch.device, channels: int
) -> dict[str, float]:
    """Seconds of a training step in ``32`` and ``bf16``, of the largest batch that was measured."""
    size, steps = config.image_size, {}
    for pixels, least, rounds in BATCHES if device.type == "cpu" else BATCHES[1:]:
        count = min(config.batch_size, max(least, pixels // size**2))
        pictures = torch.zeros(count, size, size, channels, dtype=torch.uint8, device=device)
        first, fastest = _seconds(network, pictures, "32", rounds)
        first_bf16, fastest_bf16 = _seconds(
            network, pictures, "bf16", rounds, max_seconds=MAX_SLOWDOWN * first
        )
        steps = {"32": round(fastest, 5), "bf16": round(fastest_bf16, 5)}
        if first_bf16 > MAX_SLOWDOWN * first or fastest_bf16 > MAX_SLOWDOWN * fastest:
            break
    return steps


def _seconds(
    network: Network,
    pictures: torch.Tensor,
    plan: str,
    rounds: int,
    max_seconds: float = float("inf"),
) -> tuple[float, float]:
    """Seconds of the first training step on ``pictures``, which also prepares the kernels, and of
    the fastest of ``rounds`` more. After a first step of more than ``max_seconds`` there are no
    more, and it stands for both. The network's state is left as it was."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    chance = torch.get_rng_state()
    labels = torch.zeros(len(pictures), dtype=torch.long, device=pictures.device)
    network.train()

    def step() -> None:
        training_step(network, None, pictures, labels, plan)

    try:
        first = _timed(step)
        if first > max_seconds:
            return first, first
        return first, min(_timed(step) for _ in range(rounds))
    except RuntimeError:  # this device cannot compute in 16 bits
        if plan == "32":
            raise
        return 1e9, 1e9
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
