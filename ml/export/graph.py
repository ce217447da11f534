"""A network as an ONNX graph, with its preprocessing inside.

torch takes 2 to 8 seconds to trace a network of a hundred layers, whatever its weights. So the
traced graph is kept without them, and filled with those of the next run that has the same
architecture. Whoever exports compares what the graph and the network answer, and has it traced anew
where they differ.
"""

import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ml import __version__
from ml.models.network import Network
from ml.utils.files import write_atomically

PREFIX = "network."
HEAD = f"{PREFIX}head."
CHECKSUM = 32
"""Bytes of SHA-256 at the end of a graph that is kept with its weights."""

Weights = dict[str, npt.NDArray[Any]]


class _Everything(nn.Module):
    """What is traced. Its prefix keeps the names of weights apart from those of other values."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return self.network.all_outputs(pictures)


def make_graph(
    network: Network,
    channels: int,
    size: int,
    cache: Path | None = None,
    *,
    anew: bool = False,
    frozen: bool = False,
) -> onnx.ModelProto:
    """The graph ``pictures`` uint8 (n, size, size, channels) -> the network's ``outputs``.

    ``network`` is moved to the CPU and into evaluation mode. ``cache`` is a folder for traced
    graphs; with ``anew`` what is in it is replaced, not used. Of a ``frozen`` network all but the
    head is the same in each run: the graph that makes its features is taken.
    """
    network.cpu().eval()
    weights = {
        PREFIX + name: value.detach().contiguous().numpy()
        for name, value in network.state_dict().items()
    }
    last = _last(network)
    if frozen and cache and not anew:
        whole = onnx.load_model_from_string(feature_graph(network, channels, size, cache))
        if _fill(
            whole, {name: one for name, one in weights.items() if name.startswith(HEAD)}, last
        ):
            return whole
    kept = cache / f"{_signature(network, channels, size, last)}.onnx" if cache else None
    filled = _filled(kept, weights, last) if kept and not anew else None
    if filled is not None:
        return filled
    traced = _trace(network, channels, size)
    if kept:
        _keep(kept, traced, weights)
    return _optimised(traced)


def feature_graph(network: Network, channels: int, size: int, cache: Path) -> bytes:
    """The graph with this body, serialised, and kept with its weights; its head may be any.

    A frozen backbone has the same ones in each run: then nothing is left to be filled in or folded
    for its features.
    """
    digest = hashlib.sha256(_signature(network, channels, size, _last(network)).encode())
    for part in (network.body, network.neck):
        for value in part.state_dict().values():
            digest.update(value.detach().cpu().contiguous().numpy())
    digest.update(f"{network.mean.tolist()} {network.std.tolist()}".encode())
    kept = cache / f"{digest.hexdigest()[:32]}.features.onnx"
    with suppress(OSError):
        found = kept.read_bytes()
        content, checksum = found[:-CHECKSUM], found[-CHECKSUM:]
        if hashlib.sha256(content).digest() == checksum:
            return content
    graph = make_graph(network, channels, size, cache)
    del graph.graph.value_info[:]  # it tells shapes of the head, which may be another
    made: bytes = graph.SerializeToString()
    write_atomically(kept, lambda file: file.writelines((made, hashlib.sha256(made).digest())))
    return made


def _trace(network: Network, channels: int, size: int) -> onnx.ModelProto:
    # It cannot be traced in inference mode, which the caller may be in.
    with torch.inference_mode(False), torch.no_grad():
        # Two pictures: torch takes a dimension of one for a constant.
        blank = torch.zeros(2, size, size, channels, dtype=torch.uint8)
        program = torch.onnx.export(
            _Everything(network).eval(),
            (blank,),
            dynamo=True,
            optimize=False,  # it would fold weights into one another: they are to be exchanged
            verbose=False,
            input_names=["pictures"],
            output_names=list(network.outputs),
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    assert program is not None  # it is None only for the exporter that writes a file itself
    traced = program.model_proto
    for part in (traced.graph, *traced.graph.node, *traced.graph.value_info):
        del part.metadata_props[:]  # what torch notes there names folders of this computer
    return traced


def _optimised(graph: onnx.ModelProto) -> onnx.ModelProto:
    """With batch normalisation folded into convolutions and constants computed: 4 times as fast."""
    from onnxscript import optimizer  # it takes its time to import, and often nothing is left to do

    return optimizer.optimize(graph)


def _keep(path: Path, traced: onnx.ModelProto, weights: Weights) -> None:
    """Keep ``traced`` without the values of its weights and without what its classes decide."""
    bare = onnx.ModelProto()
    bare.CopyFrom(traced)
    del bare.graph.value_info[:]
    for tensor in bare.graph.initializer:
        if tensor.name in weights:
            tensor.ClearField("raw_data")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: onnx.save_model(bare, file))


def _filled(path: Path, weights: Weights, last: list[nn.Linear]) -> onnx.ModelProto | None:
    """The kept graph with these weights; None where there is none that they fit."""
    try:
        graph = onnx.load_model_from_string(path.read_bytes())
        _fill(graph, weights, last)
        return _optimised(graph)
    except Exception:  # it is a cache: whatever is wrong with it, the network is traced anew
        return None


def _fill(graph: onnx.ModelProto, weights: Weights, last: list[nn.Linear]) -> bool:
    """Give ``graph`` these weights and the classes of ``last``; whether all had a place."""
    places = {tensor.name: tensor for tensor in graph.graph.initializer if tensor.name in weights}
    for name, tensor in places.items():
        tensor.CopyFrom(numpy_helper.from_array(weights[name], name))
    for layer in last:
        graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = layer.out_features
    return len(places) == len(weights)


def _last(network: Network) -> list[nn.Linear]:
    """What decides for a class: it differs with the number of classes."""
    return [module for module in network.head.modules() if isinstance(module, nn.Linear)][-1:]


def _signature(network: Network, channels: int, size: int, last: list[nn.Linear]) -> str:
    """A name for all that decides the graph, but for the number of classes, which ``last`` has."""
    digest = hashlib.sha256(f"{torch.__version__} {onnx.__version__} {__version__}".encode())
    digest.update(f"{channels} {size}".encode())
    for source in sorted({type(module).__module__ for module in network.modules()}):
        file = getattr(sys.modules[source], "__file__", None)
        digest.update(Path(file).read_bytes() if file else source.encode())
    for name, module in network.named_modules():
        plain = {
            key: value
            for key, value in vars(module).items()
            if isinstance(value, (bool, int, float, str, tuple)) and key != "training"
        }
        shapes = {key: tuple(value.shape) for key, value in module.named_parameters(recurse=False)}
        shapes |= {key: tuple(value.shape) for key, value in module.named_buffers(recurse=False)}
        if module in last:
            plain["out_features"], shapes = 0, dict.fromkeys(shapes, ())
        digest.update(f"{name} {sorted(plain.items())} {sorted(shapes.items())}".encode())
    return digest.hexdigest()[:32]
