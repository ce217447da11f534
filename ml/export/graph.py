"""A network as an ONNX graph, with its preprocessing inside.

torch takes 2 to 8 seconds to trace a network of a hundred layers. So the traced graph is cached
without its weights, and the next run with the same architecture fills its own in. Those of the
default networks come with Lensmith (``scripts/traced_graphs.py``). The caller
(``ml.export.verification``) compares the logits of graph and network, and traces again where they
differ.
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
"""Bytes of SHA-256 at the end of a graph that is cached with its weights."""

SHIPPED = Path(__file__).parent / "traced"
"""Traced graphs of the default networks, without their weights."""
Weights = dict[str, npt.NDArray[Any]]


class _Everything(nn.Module):
    """The traced module. ``PREFIX`` in the names of weights sets them apart from other values."""

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
    retrace: bool = False,
    frozen: bool = False,
) -> onnx.ModelProto:
    """The graph ``pictures`` uint8 (n, size, size, channels) -> the network's ``outputs``.

    Args:
        network: moved to the CPU and into evaluation mode.
        cache: a folder for traced graphs.
        retrace: replace the graph in the cache instead of using it.
        frozen: only the head was trained, so that the cached graph of the features fits.
    """
    network.cpu().eval()
    weights = {
        PREFIX + name: value.detach().contiguous().numpy()
        for name, value in network.state_dict().items()
    }
    last = _last(network)
    if frozen and cache and not retrace:
        graph = onnx.load_model_from_string(feature_graph(network, channels, size, cache))
        head = {name: value for name, value in weights.items() if name.startswith(HEAD)}
        if _fill(graph, head, last):
            return graph
    cached_file = cache / f"{_signature(network, channels, size, last)}.onnx" if cache else None
    if cache and not retrace:
        shipped_file = SHIPPED / f"{_signature(network, channels, size, last, shipped=True)}.onnx"
        for file in (shipped_file, cached_file):
            filled = _filled(file, weights, last) if file else None
            if filled is not None:
                return filled
    traced = _trace(network, channels, size)
    if cached_file:
        _keep(cached_file, traced, weights)
    return _optimised(traced)


def feature_graph(network: Network, channels: int, size: int, cache: Path) -> bytes:
    """The serialised graph of a frozen backbone, from the cache or traced; its head may be any.

    A frozen backbone has the same weights in each run, so they are cached with the graph, already
    folded.
    """
    digest = hashlib.sha256(_signature(network, channels, size, _last(network)).encode())
    for part in (network.body, network.neck):
        for value in part.state_dict().values():
            digest.update(value.detach().cpu().contiguous().numpy())
    digest.update(f"{network.mean.tolist()} {network.std.tolist()}".encode())
    cached_file = cache / f"{digest.hexdigest()[:32]}.features.onnx"
    with suppress(OSError):
        stored = cached_file.read_bytes()
        content, checksum = stored[:-CHECKSUM], stored[-CHECKSUM:]
        if hashlib.sha256(content).digest() == checksum:
            return content
    graph = make_graph(network, channels, size, cache)
    del graph.graph.value_info[:]  # it has shapes of this head
    serialized: bytes = graph.SerializeToString()
    checksum = hashlib.sha256(serialized).digest()
    cached_file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(cached_file, lambda file: file.writelines((serialized, checksum)))
    return serialized


def ship_graph(network: Network, channels: int, size: int) -> Path:
    """Trace ``network`` into ``SHIPPED``, for every workspace; the file is returned."""
    network.cpu().eval()
    weights = {PREFIX + name: value.numpy() for name, value in network.state_dict().items()}
    signature = _signature(network, channels, size, _last(network), shipped=True)
    path = SHIPPED / f"{signature}.onnx"
    _keep(path, _trace(network, channels, size), weights)
    return path


def _trace(network: Network, channels: int, size: int) -> onnx.ModelProto:
    # It cannot be traced in inference mode, which the caller may be in.
    with torch.inference_mode(False), torch.no_grad():
        # Two pictures: torch takes a dimension of one for a constant.
        blank = torch.zeros(2, size, size, channels, dtype=torch.uint8)
        program = torch.onnx.export(
            _Everything(network).eval(),
            (blank,),
            dynamo=True,
            optimize=False,  # folded weights could not be exchanged
            verbose=False,
            input_names=["pictures"],
            output_names=list(network.outputs),
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    assert program is not None  # only the exporter that writes a file returns None
    traced = program.model_proto
    for part in (traced.graph, *traced.graph.node, *traced.graph.value_info):
        del part.metadata_props[:]  # torch writes paths of this computer there
    return traced


def _optimised(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with batch normalisation folded into convolutions and constants computed: 4 times
    as fast."""
    from onnxscript import optimizer  # slow to import, and often not needed

    return optimizer.optimize(graph)


def _keep(path: Path, traced: onnx.ModelProto, weights: Weights) -> None:
    """Cache ``traced`` without the values of its weights and without shapes that depend on the
    number of classes."""
    bare = onnx.ModelProto()
    bare.CopyFrom(traced)
    del bare.graph.value_info[:]
    for tensor in bare.graph.initializer:
        if tensor.name in weights:
            tensor.ClearField("raw_data")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: onnx.save_model(bare, file))


def _filled(path: Path, weights: Weights, last: list[nn.Linear]) -> onnx.ModelProto | None:
    """The cached graph with these weights; None where there is none that they fit."""
    try:
        graph = onnx.load_model_from_string(path.read_bytes())
        _fill(graph, weights, last)
        return _optimised(graph)
    except Exception:  # it is a cache: whatever is wrong with it, the network is traced anew
        return None


def _fill(graph: onnx.ModelProto, weights: Weights, last: list[nn.Linear]) -> bool:
    """Write these weights and the number of classes of ``last`` into ``graph``; whether it has an
    initializer for each weight."""
    places = {tensor.name: tensor for tensor in graph.graph.initializer if tensor.name in weights}
    for name, tensor in places.items():
        tensor.CopyFrom(numpy_helper.from_array(weights[name], name))
    for layer in last:
        graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = layer.out_features
    return len(places) == len(weights)


def _last(network: Network) -> list[nn.Linear]:
    """The last linear layer of the head, whose width is the number of classes; empty without
    one."""
    return [module for module in network.head.modules() if isinstance(module, nn.Linear)][-1:]


def _signature(
    network: Network, channels: int, size: int, last: list[nn.Linear], *, shipped: bool = False
) -> str:
    """A hash of everything that determines the graph except the number of classes: versions, input
    shape, source files of modules, their settings and shapes.

    A ``shipped`` graph suits other versions of torch as well: whether it answers as the network
    does is seen anyway.
    """
    versions = f"{torch.__version__} {onnx.__version__} {__version__}"
    digest = hashlib.sha256(("" if shipped else versions).encode())
    digest.update(f"{channels} {size}".encode())
    for source in sorted({type(module).__module__ for module in network.modules()}):
        file = getattr(sys.modules[source], "__file__", None)
        if shipped and source.startswith("torch."):
            digest.update(source.encode())
        else:  # Git on Windows may have changed the ends of lines
            digest.update(
                Path(file).read_bytes().replace(b"\r\n", b"\n") if file else source.encode()
            )
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
