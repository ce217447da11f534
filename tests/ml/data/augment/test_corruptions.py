"""Each corruption against a hand count, and robust training kept apart from what is measured."""

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from ml.data.augment.corruptions import STRENGTHS, Corruption, kinds
from ml.data.augment.operations import get
from ml.data.augment.policies import POLICIES

KINDS = {kind.name: kind for kind in kinds()}
HASHES = [f"{number:012x}" + "0" * 52 for number in range(1, 41)]
MEASURED = {
    "noise": {"noise"},
    "blur": {"blur", "sharpness"},
    "brightness": {"brightness"},
    "contrast": {"contrast", "autocontrast"},
    "jpeg": set(),
    "pixelate": set(),
    "rotation": {"turn", "quarter", "upside_down"},
    "occlusion": {"erase"},
}
"""Which changes of training are of the kind of a corruption."""


def scene(channels: int = 3, side: int = 60) -> np.ndarray:
    chance = np.random.default_rng(4)
    coarse = Image.fromarray(chance.integers(40, 215, (side // 6 + 1,) * 2 + (3,), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(float)
    pixels = (pixels + chance.integers(-20, 21, pixels.shape)).astype(np.uint8)
    return np.ascontiguousarray(pixels[:, :, :channels])


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("channels", [1, 3])
def test_corruption_is_repeatable_and_grows_with_its_strength(
    kind: Corruption, channels: int
) -> None:
    shown = scene(channels)
    differences = []
    for strength in range(1, STRENGTHS + 1):
        corrupted = [kind(shown, strength, digest) for digest in HASHES[:8]]
        assert all(result.shape == shown.shape and result.dtype == np.uint8 for result in corrupted)
        assert np.array_equal(corrupted[0], kind(shown, strength, HASHES[0]))
        differences.append(
            np.mean([np.abs(result.astype(float) - shown).mean() for result in corrupted])
        )
    assert differences[0] > 0.2
    assert differences[4] > 1.3 * differences[0]
    assert all(weaker < 1.1 * stronger for weaker, stronger in itertools.pairwise(differences))


@pytest.mark.parametrize("side", [8, 28, 225])
def test_corruptions_take_pictures_of_any_size(side: int) -> None:
    for kind in kinds():
        assert kind(scene(3, side), STRENGTHS, HASHES[0]).shape == (side, side, 3)


def test_levels_of_strength_have_their_documented_size() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    noisy = KINDS["noise"](grey, 3, HASHES[0]).astype(float)
    assert noisy.std() == pytest.approx(0.12 * 255, rel=0.02)
    light = [int(KINDS["brightness"](grey, 1, digest)[0, 0, 0]) for digest in HASHES]
    assert set(light) == {102, 154}  # a tenth of 255 either way, rounded
    assert 10 < light.count(154) < 30
    shown = scene()
    mean = shown.mean((0, 1))
    pale = KINDS["contrast"](shown, 5, HASHES[0])
    assert np.abs(pale - (mean + (shown - mean) * 0.1)).max() <= 0.5 + 1e-6
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "JPEG", quality=18)
    assert np.array_equal(KINDS["jpeg"](shown, 3, HASHES[0]), np.asarray(Image.open(out)))
    coarse = KINDS["pixelate"](shown, 2, HASHES[0])  # half of the pixels a side
    assert np.array_equal(coarse[::2, ::2], coarse[1::2, 1::2])
    covered = KINDS["occlusion"](np.zeros((100, 100, 1), np.uint8), 3, HASHES[0])
    assert (covered == 128).mean() == pytest.approx(0.2, abs=0.01)


def test_rotation_is_about_the_middle_in_both_directions() -> None:
    shown = np.zeros((101, 101, 1), np.uint8)
    shown[50, 50], shown[50, 80:83] = 255, 255
    directions = set()
    for digest in HASHES:
        rotated = KINDS["rotation"](shown, 5, digest)[:, :, 0]
        assert rotated[49:52, 49:52].max() > 100
        rows, columns = np.nonzero(rotated > 60)
        far = rows[(columns > 60) & (columns < 85)]  # beyond are reflections
        directions.add("up" if far.mean() < 50 else "down")
        assert abs(abs(far.mean() - 50) - 31 * np.sin(np.radians(45))) < 2
    assert directions == {"up", "down"}


def test_robust_policy_has_no_operation_of_a_measured_kind() -> None:
    assert set(MEASURED) == set(KINDS)
    used = {step.operation for step in POLICIES["robust"].steps}
    assert not used & set.union(*MEASURED.values())


def change(name: str, shown: torch.Tensor, numbers: tuple[float, ...]) -> torch.Tensor:
    operation = get(name)
    return operation(shown, torch.tensor([numbers]).expand(len(shown), -1), operation.max_strength)


def test_perturbations_have_their_documented_size() -> None:
    flat = torch.full((2, 3, 60, 60), 100.0)
    assert change("speckle", torch.zeros(1, 3, 9, 9), (1.0, 0.5)).abs().max() == 0
    grain = get("speckle")(flat, torch.tensor([[1.0, 0.3]] * 2), 0.2)
    assert grain.std().item() == pytest.approx(20, rel=0.1)
    dots = change("dots", flat, (1.0, 0.4))
    assert (dots == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert (dots == 255).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(dots[:, 0], dots[:, 1])  # all channels of a pixel
    shade = get("shade")(flat, torch.tensor([[1.0, 0.7]] * 2), 0.3)
    assert shade.mean().item() == pytest.approx(100, abs=3)
    assert shade.std().item() > 10
    tint = get("tint")(flat, torch.tensor([[0.9, 0.2]] * 2), 0.5)
    torch.testing.assert_close(tint.mean((1, 2, 3)), flat.mean((1, 2, 3)), atol=1e-3, rtol=0)
    torch.testing.assert_close(tint[0, :, 0, 0], torch.tensor([140.0, 90.0, 70.0]))
    torch.testing.assert_close(change("lens", flat, (1.0, 0.6)), flat, atol=0.01, rtol=0)
    shown = torch.rand(1, 3, 9, 9) * 255
    assert not torch.allclose(change("lens", shown, (1.0, 0.6)), shown, atol=5)
