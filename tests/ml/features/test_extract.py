"""Features are computed once for each picture and view, and survive what happens to labels."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.data.augment.perturbed_views import perturbed, policy_key
from ml.data.pixels.feature_views import view
from ml.data.pixels.pixels import PixelSpec
from ml.errors import StoppedError
from ml.features import extract as features
from ml.models import Inputs, build
from ml.models.network import Network
from tests.helpers.trained import trained


class Counted:
    """Computes a feature that tells the picture, and counts the pictures it was shown."""

    def __init__(self) -> None:
        self.shown = 0

    def __call__(self) -> features.Forward:
        def forward(pictures: np.ndarray) -> np.ndarray:
            self.shown += len(pictures)
            return pictures.reshape(len(pictures), -1)[:, :6].astype(np.float32)

        return forward


def test_each_picture_and_view_is_computed_once(tmp_path: Path) -> None:
    pictures, counted = trained().pictures, Counted()
    first = features.ensure(tmp_path, pictures, 2, counted)
    every = {item.hash for item in pictures.version.items}
    assert counted.shown == len(every) + len(set(pictures.hashes("train")))
    again = features.ensure(tmp_path, pictures, 2, counted)
    assert counted.shown == len(every) + len(set(pictures.hashes("train")))
    for split in ("train", "val", "test"):
        expected = pictures.pixels(split).reshape(len(pictures.hashes(split)), -1)[:, :6]
        for stores in (first, again):
            assert np.array_equal(stores[0].get(pictures.hashes(split)), expected)


def test_robust_training_spoils_the_further_views_of_training_pictures(tmp_path: Path) -> None:
    """The same whatever the batch, kept apart from plain views, none of what is measured on."""
    pictures, counted = trained().pictures, Counted()
    train = pictures.hashes("train")
    plain = features.ensure(tmp_path, pictures, 2, counted)[1].get(train)
    stores = features.ensure(tmp_path, pictures, 3, counted, policy="robust")
    every = len(set(pictures.hashes("all")))
    assert counted.shown == every + 3 * len(set(train)), "the first view is that of all"
    one, two = (store.get(train) for store in stores[1:])
    assert not np.array_equal(one, two)
    assert not np.array_equal(one, plain)
    pixels = np.array(pictures.pixels("train"))
    for row in (0, 5, 17):
        alone = perturbed(pixels[row : row + 1], "robust", 2, train[row : row + 1])
        assert np.array_equal(alone.reshape(-1)[:6], two[row])
    away = [digest for digest in pictures.hashes("test") if digest not in train]
    assert stores[1].missing(away) == list(dict.fromkeys(away))
    assert policy_key("robust") != policy_key("photos")


def test_what_was_computed_before_a_stop_is_kept(tmp_path: Path) -> None:
    pictures, counted = trained().pictures, Counted()

    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise StoppedError("Stopped as you asked.")

    with pytest.raises(StoppedError):
        features.ensure(tmp_path, pictures, 1, counted, stop)
    before = counted.shown
    assert 0 < before < len(pictures.version.items)
    features.ensure(tmp_path, pictures, 1, counted)
    assert counted.shown == len({item.hash for item in pictures.version.items})


def test_a_damaged_part_is_computed_again(tmp_path: Path) -> None:
    pictures, counted = trained().pictures, Counted()
    features.ensure(tmp_path, pictures, 1, counted)
    for path in tmp_path.glob("view-0/*.npy"):
        path.write_bytes(b"nothing")
    before = counted.shown
    features.ensure(tmp_path, pictures, 1, counted)
    assert counted.shown == 2 * before


def test_another_backbone_another_weight_or_another_size_is_another_store() -> None:
    network = build("tutorial_net", Inputs(3, 16, 2))
    keys = {features.key_of("a", network, "16-rgb-crop"), features.key_of("a", network, "b")}
    with torch.no_grad():
        next(network.body.parameters())[0, 0, 0, 0] += 1e-3
    keys.add(features.key_of("a", network, "16-rgb-crop"))
    assert len(keys) == 3


def test_the_head_is_not_part_of_the_backbone_s_key() -> None:
    network = build("tutorial_net", Inputs(3, 16, 2))
    before = features.key_of("a", network, "s")
    network.head = torch.nn.Linear(50, 7)
    assert features.key_of("a", network, "s") == before


def test_onnx_runtime_and_torch_give_the_same_features(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build("small_cnn", Inputs(3, 16, 2))
    pictures = np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3), dtype=np.uint8)
    by_torch = features.torch_forward(network, torch.device("cpu"))(pictures)
    by_onnx = features.onnx_forward(network, PixelSpec(16), tmp_path, 1)(pictures)
    np.testing.assert_allclose(by_onnx, by_torch, atol=1e-4)


@pytest.mark.parametrize("damage", [None, b"", b"no graph"])
def test_a_cached_graph_serves_its_weights_and_is_remade_when_damaged(
    tmp_path: Path, damage: bytes | None
) -> None:
    torch.manual_seed(0)
    one, other = (build("small_cnn", Inputs(3, 16, 2)) for _ in "ab")
    pictures = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)

    def differs(network: Network) -> float:
        by_onnx = features.onnx_forward(network, PixelSpec(16), tmp_path, 2)(pictures)
        by_torch = features.torch_forward(network, torch.device("cpu"))(pictures)
        return float(np.abs(by_onnx - by_torch).max())

    assert differs(one) < 1e-4
    (cached,) = tmp_path.glob("*.features.onnx")
    written = cached.stat().st_mtime_ns
    if damage is not None:
        cached.write_bytes(damage)
    assert differs(one) < 1e-4
    assert (cached.stat().st_mtime_ns == written) is (damage is None)
    assert differs(other) < 1e-4
    assert len(list(tmp_path.glob("*.features.onnx"))) == 2


def test_views_are_the_picture_its_mirror_image_and_crops_that_are_its_own() -> None:
    spec = PixelSpec(24)
    pixels = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    one, other = "ab" * 32, "cd" * 32
    assert np.array_equal(view(pixels, 0, one, spec), pixels)
    assert np.array_equal(view(pixels, 1, one, spec), pixels[:, ::-1])
    crop = view(pixels, 2, one, spec)
    assert crop.shape == pixels.shape
    assert np.array_equal(crop, view(pixels, 2, one, spec))
    assert not np.array_equal(crop, view(pixels, 3, one, spec))
    assert not np.array_equal(crop, view(pixels, 2, other, spec))
