"""Dry run: the cost of a training on this computer, measured on a few batches before it starts.

The same steps as a run goes through, on a few blank pictures: build the network, trace it, some
training steps at the real batch size or some features, export. Heavy: for child processes alone.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.config import TrainConfig
from ml.data.augment.batch import Augment
from ml.data.datamodule import validation_batch_size
from ml.data.pixels.pixels import PixelSpec
from ml.export.graph import make_graph
from ml.export.onnx import export_onnx
from ml.hardware import keep_freed_memory, peak_memory, save_measurement, thread_count
from ml.inference.model_folder import batch_of, open_session, run_session
from ml.metrics import parity
from ml.models import Inputs, build, options_of
from ml.models.network import Network, count_features, new_head
from ml.runs.status import age
from ml.training import profiling
from ml.training.cost.estimate import cost_key
from ml.training.finetuning import backbone_forward
from ml.training.optim.optimizer import optimizer
from ml.workspace import Workspace

STEP_SECONDS = 3.0
"""Steps are repeated for so long, at least two after the first, at most ``STEPS``."""
STEPS = 20
PICTURES = 16

Progress = Callable[[float], None]


def rehearse(
    workspace: Workspace,
    config: TrainConfig,
    classes: int,
    progress: Progress = lambda fraction: None,
) -> dict[str, Any]:
    """Measure the cost of a training by a dry run, and store it for ``ml.training.cost.estimate``.

    ``start_up`` and ``build`` in seconds; ``step`` and ``validate``, seconds of a picture in
    training and validation; ``feature``, seconds of a picture through a frozen backbone;
    ``classify``, seconds of a picture through the exported file; ``torch``, through the network
    after training; ``export``, seconds when the graph has been traced; ``save``, seconds of writing
    the weights of a whole network; ``memory``, the most that this process held, in bytes;
    ``model``, bytes of the exported file.

    Raises:
        MLError: the weights cannot be had, or the memory does not suffice.
    """
    start_up = age()
    keep_freed_memory()
    torch.set_num_threads(thread_count(config.threads))
    device = profiling.device_for(config)
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    began = time.perf_counter()
    network = build(
        config.model,
        Inputs(spec.channels, spec.size, classes),
        pretrained=config.pretrained,
        **options_of(config),
    )
    network.to(memory_format=torch.channels_last)
    cost: dict[str, Any] = {"start_up": start_up, "build": time.perf_counter() - began}
    progress(0.2)
    few = np.zeros((PICTURES, spec.size, spec.size, spec.channels), np.uint8)
    if config.frozen:
        network.head = new_head(count_features(network, spec.channels, spec.size), classes)
        forward = backbone_forward(workspace, network, spec, device)
        forward(few[:4])
        cost["feature"] = seconds_of(lambda: forward(few)) / PICTURES
    else:
        cost |= steps(workspace, network.to(device), config, device, spec)
        cost["save"] = _saved(workspace, network)
    progress(0.6)
    cost |= _ending(workspace, network.cpu().eval(), spec, few, frozen=config.frozen)
    cost["memory"] = peak_memory()
    save_measurement(workspace, cost_key(config, torch.get_num_threads()), cost)
    progress(1.0)
    return cost


def steps(
    workspace: Workspace,
    network: Network,
    config: TrainConfig,
    device: torch.device,
    spec: PixelSpec,
    most: float = STEP_SECONDS,
) -> dict[str, float]:
    """Seconds of a picture in training steps and in validation, at the run's own precision.

    ``most`` is about how long the steps may take. The weights stay as they are: a network that has
    learned what it is shown has gradients near zero, which a CPU may take forty times as long for.
    """
    plan = profiling.precision(workspace, network, config, device, spec.channels)
    shape = (config.batch_size, spec.size, spec.size, spec.channels)
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    labels = torch.zeros(len(pictures), dtype=torch.long, device=device)
    rows = torch.arange(len(pictures), device=device)
    augment = None
    if config.augment != "none":
        augment = Augment(config.augment, config.seed, len(pictures), device)
    update = optimizer(network, config)
    for group in update.param_groups:
        group["lr"] = 0.0
    network.train()

    def step() -> None:
        seen = augment(pictures, rows) if augment else pictures
        profiling.training_step(network, update, seen, labels, plan)

    shown = torch.zeros(
        (validation_batch_size(len(pictures)), *shape[1:]), dtype=torch.uint8, device=device
    )

    def validate() -> None:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=plan == "bf16"):
            network(shown)

    step()
    taken = seconds_of(step, most=most)
    network.eval()
    checked = seconds_of(validate, 1, most)
    return {"step": taken / len(pictures), "validate": checked / len(shown)}


def _saved(workspace: Workspace, network: Network) -> float:
    """Seconds until a checkpoint of the weights is on the disk where the runs are."""
    from ml.training import (
        checkpoints,  # with Lightning, which whoever only takes steps does without
    )

    with tempfile.TemporaryDirectory(prefix=".rehearsal-", dir=workspace.root) as name:
        began = time.perf_counter()
        checkpoints.save(Path(name), "best", {"weights": network.state_dict()}, epoch=1)
        return time.perf_counter() - began


def _ending(
    workspace: Workspace, network: Network, spec: PixelSpec, few: np.ndarray, *, frozen: bool
) -> dict[str, float]:
    """Export and both ways to classify, as at the end of a run. What is traced is kept for it."""
    some = torch.from_numpy(
        few[: parity.count_compared(len(few), cached=frozen)]
    )  # as after a training
    with torch.inference_mode():
        by_torch = seconds_of(lambda: network(some), 1) / len(some)
    make_graph(network, spec.channels, spec.size, workspace.graphs, frozen=frozen)
    with tempfile.TemporaryDirectory() as name:
        path, began = Path(name) / "model.onnx", time.perf_counter()
        export_onnx(network, spec, path, {}, workspace.graphs, frozen=frozen)
        content = path.read_bytes()
        session = open_session(content, torch.get_num_threads())
        run_session(session, few[:1])
        export = time.perf_counter() - began
        # As many at a time as after a training: they decide what memory it takes.
        many = np.zeros((max(PICTURES, batch_of(spec.size)), *few.shape[1:]), np.uint8)
        classify = seconds_of(lambda: run_session(session, many), 1) / len(many)
    return {"torch": by_torch, "classify": classify, "export": export, "model": len(content)}


def seconds_of(call: Callable[[], Any], least: int = 2, most: float = STEP_SECONDS) -> float:
    """The median time of a few calls."""
    took: list[float] = []
    while len(took) < least or (sum(took) < most and len(took) < STEPS):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return float(np.median(took))
