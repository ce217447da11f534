"""Check a plugin model: build it, run it, and take one gradient. Heavy: torch."""

import copy
import logging
from typing import Any

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from ml.errors import BadInputError, MLError
from ml.models.catalog import build
from ml.models.network import Network
from ml.models.registry import Inputs, ModelInfo

CHECKED_CHANNELS = (1, 3, 4)
CHECKED_CLASSES = 10

log = logging.getLogger(__name__)


def check(model: ModelInfo) -> dict[str, Any]:
    """``parameters`` and ``macs`` for 10 classes in colour, and the first ``problem`` or "".

    The model is built from scratch for 1, 3 and 4 channels at ``min_size`` and ``native_size``,
    classifies two pictures each time, and computes gradients once.
    """
    result: dict[str, Any] = {"parameters": 0, "macs": 0, "problem": ""}
    try:
        for channels in CHECKED_CHANNELS:
            for size in sorted({model.min_size, model.native_size}):
                inputs = Inputs(channels, size, CHECKED_CLASSES)
                network = build(model.name, inputs).eval()
                _check_output_shapes(network, inputs)
                if channels == 3 and size == model.native_size:
                    result |= count(network, inputs)
                    _check_gradients(network, inputs)
    except MLError as error:
        result["problem"] = str(error)
    except Exception as error:
        log.exception("%s cannot be used.", model.name)
        text = " ".join(str(error).split())[:200]
        result["problem"] = (
            f"It does not take {inputs.channels} channels at {inputs.size} px: "
            f"{type(error).__name__}: {text}"
        )
    return result


def count(network: Network, inputs: Inputs) -> dict[str, int]:
    """The ``parameters`` of ``network`` and its multiply-accumulates (``macs``) for one picture."""
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network.eval()(_pictures(1, inputs))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"parameters": parameters, "macs": counter.get_total_flops() // 2}


def _check_output_shapes(network: Network, inputs: Inputs) -> None:
    with torch.inference_mode():
        logits, features, feature_map, *_ = network.all_outputs(_pictures(2, inputs))
    if logits.shape != (2, inputs.classes):
        raise BadInputError(
            f"Its head gives {tuple(logits.shape)} for 2 pictures of {inputs.classes} classes, "
            f"and it has to give {(2, inputs.classes)}."
        )
    if features.ndim != 2:
        raise BadInputError(f"Its neck gives {features.ndim} dimensions; features have 2.")
    if feature_map.ndim != 4:
        raise BadInputError(f"Its body gives {feature_map.ndim} dimensions; a map has 4.")


def _check_gradients(network: Network, inputs: Inputs) -> None:
    network = copy.deepcopy(network).train()
    labels = torch.tensor([0, inputs.classes - 1])
    functional.cross_entropy(network(_pictures(2, inputs)), labels).backward()  # type: ignore[no-untyped-call]
    if not any(parameter.grad is not None for parameter in network.body.parameters()):
        raise BadInputError("Nothing in its body learns: no parameter there has a gradient.")


def _pictures(count: int, inputs: Inputs) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, inputs.size, inputs.size, inputs.channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
