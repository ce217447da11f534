"""Whether a model of one's own does what every model here has to, tried out. Heavy: torch."""

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

CHANNELS = (1, 3, 4)
CLASSES = 10

log = logging.getLogger(__name__)


def check(model: ModelInfo) -> dict[str, Any]:
    """``parameters`` and ``macs``, counted as the list has them, and the first ``problem``, or "".

    It is built from scratch and takes two pictures of each number of channels, of its least size
    and of its usual one, and one step of learning.
    """
    found: dict[str, Any] = {"parameters": 0, "macs": 0, "problem": ""}
    try:
        for channels in CHANNELS:
            for size in sorted({model.min_size, model.native_size}):
                inputs = Inputs(channels, size, CLASSES)
                network = build(model.name, inputs).eval()
                _answers(network, inputs)
                if channels == 3 and size == model.native_size:
                    found |= count(network, inputs)
                    _learns(network, inputs)
    except MLError as error:
        found["problem"] = str(error)
    except Exception as error:
        log.exception("%s cannot be used.", model.name)
        text = " ".join(str(error).split())[:200]
        found["problem"] = (
            f"It does not take {inputs.channels} channels at {inputs.size} px: "
            f"{type(error).__name__}: {text}"
        )
    return found


def count(network: Network, inputs: Inputs) -> dict[str, int]:
    """Its ``parameters``, and the multiply-accumulates (``macs``) of a picture."""
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network.eval()(_pictures(1, inputs))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"parameters": parameters, "macs": counter.get_total_flops() // 2}


def _answers(network: Network, inputs: Inputs) -> None:
    with torch.inference_mode():
        logits, features, feature_map, *_ = network.everything(_pictures(2, inputs))
    if logits.shape != (2, inputs.classes):
        raise BadInputError(
            f"Its head gives {tuple(logits.shape)} for 2 pictures of {inputs.classes} classes, "
            f"and it has to give {(2, inputs.classes)}."
        )
    if features.ndim != 2:
        raise BadInputError(f"Its neck gives {features.ndim} dimensions; features have 2.")
    if feature_map.ndim != 4:
        raise BadInputError(f"Its body gives {feature_map.ndim} dimensions; a map has 4.")


def _learns(network: Network, inputs: Inputs) -> None:
    network = copy.deepcopy(network).train()
    labels = torch.tensor([0, inputs.classes - 1])
    functional.cross_entropy(network(_pictures(2, inputs)), labels).backward()  # type: ignore[no-untyped-call]
    if not any(parameter.grad is not None for parameter in network.body.parameters()):
        raise BadInputError("Nothing in its body learns: no parameter there has a gradient.")


def _pictures(number: int, inputs: Inputs) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (number, inputs.size, inputs.size, inputs.channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
