"""timm models as ``Network``: body ``forward_features``, neck ``forward_head``, a new head.

    python -m ml.models.timm_network NAME

prints the description of a model as JSON.
"""

import copy
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ml.errors import BadInputError, MLError
from ml.models.layers.channels import statistics_for_channels
from ml.models.network import SCRATCH_MEAN, SCRATCH_STD, Network
from ml.models.registry import Inputs

DESCRIBED_CLASSES = 10
TOLERANCE = 1e-4
"""Body and neck give the features of the model that they come from, up to so much."""


class Body(nn.Module):
    """A timm model up to its last feature map or tokens."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) to (N, D, h, w), (N, h, w, D) or tokens (N, T, D)."""
        features: Tensor = self.model.forward_features(x)  # type: ignore[operator]
        return features


class Neck(nn.Module):
    """The pooling and last layers of a timm model, before its classifier."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The output of ``Body`` to features (N, F)."""
        features: Tensor = self.model.forward_head(x, pre_logits=True)  # type: ignore[operator]
        return features.flatten(1)


class FeatureMap(nn.Module):
    """Brings the output of a body to (N, D, h, w); tokens that fill no square become their mean.

    Args:
        channels_last: whether maps come as (N, h, w, D).
        prefix_tokens: how many tokens at the start stand for no place.
    """

    def __init__(self, channels_last: bool, prefix_tokens: int) -> None:
        super().__init__()
        self.channels_last, self.prefix_tokens = channels_last, prefix_tokens

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        if x.ndim == 4:
            return x.permute(0, 3, 1, 2) if self.channels_last else x
        if x.ndim == 2:
            return x[:, :, None, None]
        tokens = x[:, self.prefix_tokens :]
        side = round(tokens.shape[1] ** 0.5)
        if side * side != tokens.shape[1]:
            return tokens.mean(1)[:, :, None, None]
        return tokens.transpose(1, 2).reshape(-1, tokens.shape[2], side, side)


def describe(name: str) -> dict[str, Any]:
    """Facts of the model ``name`` of timm: parameters, MACs, size, and where its weights are.

    Raises:
        BadInputError: timm has no such model.
    """
    configuration = _configuration(name)
    size = int(configuration.input_size[-1])
    with torch.device("meta"):
        model = _create(name, Inputs(3, size, DESCRIBED_CLASSES), DESCRIBED_CLASSES).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 3, size, size))
    is_on_hub = bool(configuration.hf_hub_id)
    return {
        "name": name,
        "parameters": sum(one.numel() for one in model.parameters()),
        "macs": counter.get_total_flops() // 2,
        "size": size,
        "fixed_size": bool(configuration.fixed_input_size),
        "weights": {
            "repository": configuration.hf_hub_id or "",
            "file": (configuration.hf_hub_filename or "model.safetensors") if is_on_hub else "",
            "url": "" if is_on_hub else configuration.url or "",
            "licence": configuration.license or "",
        },
    }


def build_network(name: str, inputs: Inputs, weights: Path | None) -> Network:
    """The model ``name`` with a new head, random or with the weights of a file.

    Raises:
        BadInputError: timm has no such model, or it does not take pictures of this size.
        MLError: the weights do not fit.
    """
    configuration = _configuration(name)
    size = int(configuration.input_size[-1])
    if configuration.fixed_input_size and inputs.size != size:
        raise BadInputError(
            f"timm/{name} takes pictures of {size} px, not of {inputs.size}. Set the picture size "
            f"to {size}, or choose another model."
        )
    expand = 3 if weights and inputs.channels == 1 else 0
    channels = expand or inputs.channels
    model = _create(name, Inputs(channels, inputs.size, 0), 0, weights)
    body, neck = split_model(model, channels, inputs.size)
    to_map = FeatureMap(
        getattr(model, "output_fmt", "") == "NHWC", int(getattr(model, "num_prefix_tokens", 0))
    )
    network = Network(body, neck, nn.Identity(), to_map=to_map)
    with torch.no_grad():
        blank = torch.zeros(1, channels, inputs.size, inputs.size, device=_device(model))
        network.eval()
        features = network.neck(network.body(blank)).shape[1]
    head = nn.Linear(features, inputs.classes)
    if not weights:
        mean, std = SCRATCH_MEAN, SCRATCH_STD
        return Network(body, neck, head, mean=mean, std=std, to_map=to_map).train()
    scaled_mean, scaled_std = (
        statistics_for_channels([255 * value for value in statistics], inputs.channels)
        for statistics in (configuration.mean, configuration.std)
    )
    return Network(
        body, neck, head, mean=scaled_mean, std=scaled_std, expand=expand, to_map=to_map
    ).train()


def split_model(model: nn.Module, channels: int, size: int) -> tuple[Body, Neck]:
    """Two modules that share no parameter: what ``forward_features`` needs, and ``forward_head``.

    Raises:
        MLError: together they do not give the features of ``model``.
    """
    model.eval()
    blank = torch.linspace(-1, 1, size, device=_device(model)).expand(1, channels, size, size)
    with torch.no_grad():
        whole = model.forward_features(blank)  # type: ignore[operator]
        in_body = _called(model, lambda: model.forward_features(blank))  # type: ignore[operator]
        in_head = _called(
            model,
            lambda: model.forward_head(whole, pre_logits=True),  # type: ignore[operator]
        )
        expected = model.forward_head(whole, pre_logits=True).flatten(1)  # type: ignore[operator]
        neck_model = copy.copy(model)
        neck_model._modules = {
            name: copy.deepcopy(child) if name in in_body else child
            for name, child in model._modules.items()
            if name in in_head or not _has_parameters(child)
        }
        neck_model._parameters, neck_model._buffers = {}, {}
        body_model = copy.copy(model)
        body_model._modules = {
            name: child
            for name, child in model._modules.items()
            if name in in_body or name not in in_head
        }
        body, neck = Body(body_model), Neck(neck_model)
        try:
            given = neck(body(blank))
        except (AttributeError, KeyError) as error:
            raise MLError(f"This model of timm cannot be taken apart: {error}.") from error
    is_same = given.is_meta or torch.allclose(given, expected, atol=TOLERANCE, rtol=TOLERANCE)
    if given.shape != expected.shape or not is_same:
        raise MLError("This model of timm cannot be taken apart. Choose another.")
    return body, neck


def _called(model: nn.Module, run: Any) -> set[str]:
    """The names of the children of ``model`` that ``run`` calls, or any part of them."""
    called: set[str] = set()
    hooks = [
        part.register_forward_pre_hook(lambda module, inputs, name=name: called.add(name))
        for name, child in model.named_children()
        for part in child.modules()
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return called


def _has_parameters(module: nn.Module | None) -> bool:
    return module is not None and next(module.parameters(), None) is not None


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _configuration(name: str) -> Any:
    """timm's ``PretrainedCfg``. Raises BadInputError where timm has no such model."""
    timm = importlib.import_module("timm")
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.partition('.')[0][:8]}*")[:5])
        raise BadInputError(
            f"timm has no model named {name[:80]}."
            + (f" It has {near}." if near else " Its models are listed by timm.list_models().")
        )
    configuration = timm.get_pretrained_cfg(name)
    if configuration is None:
        raise BadInputError(f"timm does not describe {name}. Choose another model.")
    return configuration


def _create(name: str, inputs: Inputs, classes: int, weights: Path | None = None) -> nn.Module:
    """timm's own model, its pretrained weights read from a file."""
    timm = importlib.import_module("timm")
    options: dict[str, Any] = {"in_chans": inputs.channels, "num_classes": classes}
    if weights is None:
        model: nn.Module = timm.create_model(name, pretrained=False, **options)
        return model
    overlay = {"file": str(weights), "hf_hub_id": None, "url": ""}
    try:
        model = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    except (RuntimeError, OSError, ValueError, KeyError, EOFError) as error:
        raise MLError(
            f"The weights in {weights} do not fit timm/{name} ({str(error)[:200]}). Delete the "
            "file and try again, or update timm."
        ) from error
    return model


if __name__ == "__main__":
    try:
        answer = describe(sys.argv[1])
    except BadInputError as problem:
        answer = {"error": str(problem)}
    sys.stdout.write(f"{json.dumps(answer)}\n")
