"""Heat maps, on a tiny network that learned which of four planted symbols it sees."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.why import SYMBOLS, alike, is_on, paste
from ml.data.pixels.pixels import PixelSpec
from ml.errors import BadInputError
from ml.explain import activation, covering
from ml.explain.heat import hottest, peak, scaled, smoothed
from ml.explain.why import Explainer
from ml.export.onnx import export_onnx
from ml.inference.classifier import Classifier
from ml.inference.model_folder import open_session
from ml.models import Inputs, build
from ml.models.network import Network
from ml.utils.files import sha256_of

SIDE, NAMES = 32, tuple(SYMBOLS)


@dataclass(frozen=True)
class Asked:
    network: Network
    explainer: Explainer
    pictures: np.ndarray
    labels: np.ndarray
    boxes: list[tuple[int, int, int]]


def planted(count: int, seed: int):
    """Noise with a symbol in it: pictures (n, S, S, 3), labels (n,), and where the symbols are."""
    chance = np.random.default_rng(seed)
    labels = np.arange(count) % len(NAMES)
    noise = chance.normal(120, 25, (count, SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
    made = [paste(one, NAMES[label], chance) for one, label in zip(noise, labels, strict=True)]
    return np.stack([one for one, _ in made]), labels, [box for _, box in made]


def blank_network(seed: int) -> Network:
    torch.manual_seed(seed)
    body = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU()),
    )
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(body, neck, nn.Linear(48, len(NAMES)))


def explainer_of(network: Network, folder: Path) -> Explainer:
    """As the inference worker has it: of the exported file alone."""
    spec = PixelSpec(SIDE)
    export_onnx(network, spec, folder / "model.onnx", {})
    manifest = {"sha256": {"model.onnx": sha256_of(folder / "model.onnx")}}
    session = open_session((folder / "model.onnx").read_bytes(), 1)
    return Explainer(Classifier(manifest, NAMES, spec, 1.0, 0.5, session), folder)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    network = blank_network(0)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    pictures, labels, _ = planted(800, 1)
    pixels, truth = torch.from_numpy(pictures), torch.from_numpy(labels)
    for step in range(100):
        some = torch.arange(64 * step, 64 * step + 64) % len(pixels)
        optimizer.zero_grad()
        functional.cross_entropy(network(pixels[some]), truth[some]).backward()
        optimizer.step()
    shown, labels, boxes = planted(40, 2)
    explainer = explainer_of(network.eval(), tmp_path_factory.mktemp("planted"))
    right = explainer.classifier.logits(shown).argmax(1) == labels
    assert right.mean() >= 0.9
    return Asked(network, explainer, shown, labels, boxes)


def heats(explainer: Explainer, asked: Asked, name: str) -> list[np.ndarray]:
    method = next(one for one in explainer.methods() if one.name == name)
    return [
        method.heat(explainer, one, label)
        for one, label in zip(asked.pictures, asked.labels, strict=True)
    ]


def hits(maps: list[np.ndarray], asked: Asked) -> float:
    return float(
        np.mean([is_on(peak(one, SIDE), box) for one, box in zip(maps, asked.boxes, strict=True)])
    )


@pytest.mark.parametrize(("name", "share"), [("activation", 0.9), ("covering", 0.8)])
def test_the_peak_lies_on_the_symbol_and_other_weights_destroy_the_map(
    asked, name, share, tmp_path
):
    maps = heats(asked.explainer, asked, name)
    assert hits(maps, asked) >= share
    others = heats(explainer_of(blank_network(9), tmp_path), asked, name)
    assert hits(others, asked) < 0.6
    assert abs(np.mean([alike(*pair) for pair in zip(maps, others, strict=True)])) < 0.5


def test_after_an_average_and_a_linear_layer_the_map_is_that_of_grad_cam(asked):
    pixels = torch.from_numpy(asked.pictures[:3])
    seen = asked.network.body(asked.network.normalise(pixels)).detach().requires_grad_()
    logits = asked.network.head(asked.network.neck(seen))
    for label in range(len(NAMES)):
        (slope,) = torch.autograd.grad(logits[:, label].sum(), seen, retain_graph=True)
        wanted = (slope.mean((2, 3), keepdim=True) * seen).sum(1).detach().numpy()
        for one, grad_cam in zip(asked.pictures, wanted, strict=False):
            cam = activation.contributions(
                asked.explainer.tail, asked.explainer.output("feature_map", one)
            )[label]
            assert np.allclose(cam, grad_cam, atol=1e-3)


def test_after_a_maximum_the_map_is_gradient_times_activation(tmp_path):
    """As ``small_cnn`` ends: what is taken by a maximum is not put down to nobody."""
    torch.manual_seed(3)
    body = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4))
    network = Network(body, nn.Sequential(nn.MaxPool2d(2), nn.Flatten()), nn.Linear(192, 4)).eval()
    explainer = explainer_of(network, tmp_path)
    pictures, _, _ = planted(3, 4)
    seen = network.body(network.normalise(torch.from_numpy(pictures))).detach().requires_grad_()
    logits = network.head(network.neck(seen))
    assert explainer.tail is not None
    for label in range(len(NAMES)):
        (slope,) = torch.autograd.grad(logits[:, label].sum(), seen, retain_graph=True)
        wanted = (slope * seen).sum(1).detach().numpy()
        for one, product in zip(pictures, wanted, strict=True):
            cam = activation.contributions(explainer.tail, explainer.output("feature_map", one))
            # Where the next best is as good within a hundredth, it takes over: in a few places.
            off = np.abs(cam[label] - product) / np.abs(product).max()
            assert np.quantile(off, 0.9) < 0.02
            assert off.mean() < 0.05


def test_covering_bright_places_costs_more_than_random_covers(asked):
    for name in ("activation", "covering"):
        explanations = [
            asked.explainer.explain(one, NAMES[label], name)
            for one, label in zip(asked.pictures[:12], asked.labels, strict=False)
        ]
        assert np.mean([one["covered"] for one in explanations]) < np.mean(
            [one["elsewhere"] for one in explanations]
        )
        assert all(np.max(one["heat"]) == 1 for one in explanations)
        assert [one["name"] for one in explanations[0]["methods"]] == ["activation", "covering"]


def test_a_class_a_map_or_a_picture_of_another_model_is_refused(asked):
    one = asked.pictures[0]
    for picture, label, method in (
        (one, "cat", ""),
        (one, NAMES[0], "dream"),
        (one[:8, :8], NAMES[0], ""),
    ):
        with pytest.raises(BadInputError):
            asked.explainer.explain(picture, label, method)


class _FirstToken(nn.Module):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, 0]


class _Tokens(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)


class _Places(nn.Module):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, 1:].transpose(1, 2).reshape(-1, 4, 3, 5)


def test_a_network_without_a_tail_is_explained_by_covering(tmp_path):
    body = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.Flatten(2), nn.Linear(16, 16), _Tokens())
    network = Network(body, _FirstToken(), nn.Linear(4, len(NAMES)), to_map=_Places())
    explainer = explainer_of(network, tmp_path)
    assert explainer.tail is None
    assert [one.name for one in explainer.methods()] == ["covering"]
    explanation = explainer.explain(planted(1, 0)[0][0], NAMES[1])
    assert explanation["method"] == "covering"
    assert np.shape(explanation["heat"]) == (covering.CELLS, covering.CELLS)


def test_a_map_is_enlarged_so_that_its_places_stay_where_they_are():
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 1
    row, column = peak(heat, 32)
    assert (row // 8, column // 8) == (1, 2)
    hidden = hottest(heat, 32, 0.1)
    assert hidden.sum() == round(0.1 * 32 * 32)
    assert hidden[row, column]


def test_a_fine_map_is_smoothed_and_a_coarse_one_is_not():
    fine = np.zeros((8, 8), np.float32)
    fine[3:6, 3:6], fine[3, 3], fine[0, 7] = 0.7, 0.9, 1.0
    assert np.unravel_index(smoothed(fine).argmax(), fine.shape) == (4, 4)
    kernel = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    assert np.isclose(smoothed(fine)[4, 4], (fine[3:6, 3:6] * kernel).sum())
    assert np.array_equal(smoothed(fine[:7, :7]), fine[:7, :7])


def test_a_map_of_what_speaks_against_a_class_is_empty_and_no_error():
    assert not scaled(np.full((2, 2), -3, np.float32)).any()
    assert scaled(np.array([[np.nan, 2.0]], np.float32)).tolist() == [[0, 1]]


def test_the_attention_map_is_the_networks_own_weights_for_every_class(asked, tmp_path):
    torch.manual_seed(0)
    network = build("attention_cnn", Inputs(3, SIDE, len(NAMES))).eval()
    explainer, shown = explainer_of(network, tmp_path), asked.pictures[0]
    explanations = [explainer.explain(shown, label, "attention") for label in NAMES[:2]]
    assert explanations[0]["heat"] == explanations[1]["heat"]
    with torch.inference_mode():
        seen = network.body(network.normalise(torch.from_numpy(shown[None])))
        weights = network.neck.attention(seen)[0, 0].numpy()
    wanted = (weights - weights.min()) / (weights.max() - weights.min())
    np.testing.assert_allclose(explanations[0]["heat"], wanted, atol=2e-3)
    assert "attention" in [method["name"] for method in explanations[0]["methods"]]
    assert "attention" not in [method.name for method in asked.explainer.methods()]
