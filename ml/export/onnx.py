"""ONNX export: one file that takes raw pictures and needs nothing beside it."""

import json
from pathlib import Path
from typing import Any

import onnx

from ml import __version__
from ml.data.pixels.pixels import PixelSpec
from ml.export.graph import make_graph
from ml.models.network import Network
from ml.utils.files import write_atomically


def export_onnx(
    network: Network,
    spec: PixelSpec,
    path: Path,
    about: dict[str, Any],
    cache: Path | None = None,
    *,
    retrace: bool = False,
    frozen: bool = False,
) -> None:
    """Write ``network`` to ``path`` with its preprocessing, checked by ONNX's own checker.

    The graph takes ``pictures`` uint8 (n, size, size, channels), channels last, and gives
    ``logits`` (n, classes), ``features`` (n, F), ``feature_map`` (n, D, h, w), and ``attention``
    (n, 1, h, w) where the network has it. Its metadata
    holds ``about`` (class names, ...), ``pixels`` and ``lensmith``, each as JSON, so that the file
    alone is enough to use.

    Args:
        network: moved to the CPU and into evaluation mode.
        cache: a folder for traced graphs, shared by runs; None for no cache.
        retrace: replace the graph in the cache.
        frozen: only the head was trained, on cached features of the same backbone.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    graph = make_graph(network, spec.channels, spec.size, cache, retrace=retrace, frozen=frozen)
    about = {**about, "pixels": spec.to_json(), "lensmith": __version__}
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in about.items()}
    onnx.helper.set_model_props(graph, texts)
    graph.producer_name, graph.producer_version = "lensmith", __version__
    onnx.checker.check_model(graph)
    write_atomically(path, lambda file: onnx.save_model(graph, file))
