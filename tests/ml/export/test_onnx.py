import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torchvision.models import VisionTransformer

from ml.data.pixels.pixels import PixelSpec
from ml.export import graph
from ml.export.onnx import export_onnx
from ml.inference.model_folder import open_session
from ml.models import Inputs, build, names
from ml.models.layers.patches import ClassToken, PatchBody, TokenMap
from ml.models.network import Network


def lived_in(name: str, channels: int, size: int, classes: int, seed: int = 0) -> Network:
    """A network whose batch normalisation is not the identity, as after training."""
    torch.manual_seed(seed)
    network = build(name, Inputs(channels, size, classes))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.6, 1.4)
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.to(memory_format=torch.channels_last)


def noise(channels: int, size: int, number: int = 5) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (number, size, size, channels), dtype=np.uint8)


def assert_same(path: Path, network: Network, pictures: np.ndarray) -> None:
    """The file answers as the network does, for several pictures and for one."""
    session = open_session(path.read_bytes())
    with torch.inference_mode():
        wanted = network.eval().all_outputs(torch.from_numpy(pictures))
    outputs = session.run(list(network.outputs), {"pictures": pictures})
    for mine, theirs in zip(outputs, wanted, strict=True):
        assert mine.shape == tuple(theirs.shape)
        scale = float(theirs.abs().max())
        assert np.abs(mine - theirs.numpy()).max() < 1e-4 * scale
    onnx.checker.check_model(onnx.load(path), full_check=True)  # declared shapes are the true ones
    alone = session.run(["logits"], {"pictures": pictures[:1]})[0]
    assert np.allclose(alone, outputs[0][:1], atol=1e-4 * np.abs(outputs[0]).max())


ALIKE = {
    *("efficientnet_lite1", "efficientnet_lite2", "mobilenet_v3_large", "efficientnet_b0"),
    *("resnet34", "resnet50", "vgg16_bn", "convnext_tiny", "vit_b_16"),
}
"""Not exported here, for the time it takes: a run with one of them compares its export itself."""


def test_a_torchvision_transformer_takes_any_batch_size_in_onnx(tmp_path):
    torch.manual_seed(0)
    transformer = VisionTransformer(32, 16, 1, 2, 32, 64)  # ViT-B/16 in small
    parts = PatchBody(transformer, 16), ClassToken()
    network = Network(*parts, torch.nn.Linear(32, 4), to_map=TokenMap(2))
    export_onnx(network, PixelSpec(40), tmp_path / "model.onnx", {"classes": list("abcd")})
    assert_same(tmp_path / "model.onnx", network, noise(3, 40))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if name not in ALIKE])
def test_every_kind_of_model_answers_in_onnx_as_it_does_in_torch(name, tmp_path):
    network = lived_in(name, channels=3, size=64, classes=4)
    export_onnx(network, PixelSpec(64), tmp_path / "model.onnx", {"classes": list("abcd")})
    assert_same(tmp_path / "model.onnx", network, noise(3, 64))


@pytest.fixture(scope="module")
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the traced graph of a small network with 3 classes."""
    folder = tmp_path_factory.mktemp("graphs")
    graph.make_graph(lived_in("small_cnn", 1, 28, 3), 1, 28, folder)
    return folder


def refuse(*arguments: object) -> None:
    raise AssertionError("It was traced again.")


def test_a_kept_graph_takes_the_weights_and_the_classes_of_another_run(
    graph_cache, tmp_path, monkeypatch
):
    monkeypatch.setattr(graph, "_trace", refuse)
    other = lived_in("small_cnn", 1, 28, 7, seed=1)
    export_onnx(other, PixelSpec(28, "grey"), tmp_path / "m.onnx", {}, cache=graph_cache)
    assert_same(tmp_path / "m.onnx", other, noise(1, 28))


def test_the_cached_feature_graph_takes_another_head_without_folding(tmp_path, monkeypatch):
    first, second = (lived_in("small_cnn", 1, 28, classes, seed=classes) for classes in (3, 7))
    second.body, second.neck = first.body, first.neck
    graph.feature_graph(first, 1, 28, tmp_path)
    monkeypatch.setattr(graph, "_trace", refuse)
    monkeypatch.setattr(graph, "_optimised", refuse)
    path = tmp_path / "m.onnx"
    export_onnx(second, PixelSpec(28, "grey"), path, {}, cache=tmp_path, frozen=True)
    assert_same(path, second, noise(1, 28))
    other = lived_in("small_cnn", 1, 28, 7, seed=1)  # another body
    with pytest.raises(AssertionError, match="traced again"):
        export_onnx(other, PixelSpec(28, "grey"), path, {}, cache=tmp_path, frozen=True)


def test_a_kept_graph_serves_no_other_architecture(graph_cache, monkeypatch):
    monkeypatch.setattr(graph, "_trace", refuse)
    for channels, size in ((3, 28), (1, 32)):
        with pytest.raises(AssertionError, match="traced again"):
            graph.make_graph(lived_in("small_cnn", channels, size, 3), channels, size, graph_cache)
    wider = lived_in("small_cnn", 1, 28, 3)
    wider.head = torch.nn.Sequential(
        torch.nn.Linear(128, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)
    )
    pooled = lived_in("small_cnn", 1, 28, 3)  # the same weights fit, and mean something else
    place = next(n for n, part in enumerate(pooled.body) if isinstance(part, torch.nn.MaxPool2d))
    pooled.body[place] = torch.nn.MaxPool2d(3, 2, 1)
    for network in (wider, pooled):
        with pytest.raises(AssertionError, match="traced again"):
            graph.make_graph(network, 1, 28, graph_cache)


def test_a_damaged_kept_graph_costs_time_and_nothing_else(graph_cache, tmp_path):
    folder = tmp_path / "graphs"
    folder.mkdir()
    for path in graph_cache.iterdir():
        (folder / path.name).write_bytes(path.read_bytes()[:-500])
    network = lived_in("small_cnn", 1, 28, 3)
    export_onnx(network, PixelSpec(28, "grey"), tmp_path / "m.onnx", {}, cache=folder)
    assert_same(tmp_path / "m.onnx", network, noise(1, 28))
    assert [p.stat().st_size for p in folder.iterdir()] == [
        p.stat().st_size for p in graph_cache.iterdir()
    ]


def test_the_file_alone_says_how_to_use_it_and_nothing_of_this_computer(graph_cache, tmp_path):
    network = lived_in("small_cnn", 1, 28, 3)
    path = tmp_path / "m.onnx"
    spec = PixelSpec(28, "grey", "squeeze")
    export_onnx(network, spec, path, {"classes": ["é", "b", "c"]}, cache=graph_cache)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert about["classes"] == ["é", "b", "c"]
    assert about["pixels"] == spec.to_json()
    assert about["lensmith"]
    (given,) = model.graph.input
    assert given.name == "pictures"
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [output.name for output in model.graph.output] == list(network.outputs)
    content = path.read_bytes()
    for trace in (str(Path(__file__).parents[3]), "site-packages", "stack_trace"):
        assert trace.encode() not in content
