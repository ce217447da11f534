"""The traced graphs that come with Lensmith: they fit the networks of now."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.export import graph as module
from ml.models import Inputs, build
from scripts.traced_graphs import NETWORKS, network_of


@pytest.mark.parametrize(("name", "channels", "size"), NETWORKS)
def test_a_default_network_is_not_traced_and_answers_the_same(
    name: str, channels: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object) -> None:
        raise AssertionError("Renew the graphs: python scripts/traced_graphs.py")

    monkeypatch.setattr(module, "_trace", never)
    network = network_of(name, channels, size, classes=5)
    graph = module.make_graph(network, channels, size, tmp_path)
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, size, channels), np.uint8)
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.SerializeToString())
    (logits,) = session.run(["logits"], {"pictures": pictures})
    with torch.inference_mode():
        expected = network.eval()(torch.from_numpy(pictures)).numpy()
    assert logits.shape == (2, 5)
    assert np.abs(logits - expected).max() < 1e-3 * max(1.0, np.abs(expected).max())


def test_another_network_does_not_fit_a_shipped_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TracedError(Exception):
        pass

    def traced(*args: object) -> None:
        raise TracedError

    monkeypatch.setattr(module, "_trace", traced)
    network = build("small_cnn", Inputs(1, 20, 3), pretrained=False)
    with pytest.raises(TracedError):
        module.make_graph(network, 1, 20, tmp_path)
