"""Each random change against torchvision, numpy or a hand count."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from ml.data.augment import operations
from ml.data.augment.operations import all_operations, compose, get, sample
from ml.errors import BadInputError

NAMES = [one.name for one in all_operations()]


def pictures(count: int = 4, size: int = 24, channels: int = 3) -> Tensor:
    """Whole numbers of 0 to 255 as float, smooth enough to be sampled between pixels."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(count, channels, 6, 6, generator=generator) * 255
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear").round()


def change(name: str, shown: Tensor, *numbers: float, strength: float = 1.0) -> Tensor:
    """The operation with the same numbers for every picture."""
    given = torch.tensor([numbers]).expand(len(shown), -1)
    return get(name)(shown, given, strength)


def to_byte(shown: Tensor) -> Tensor:
    return shown.to(torch.uint8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 9])
def test_operation_keeps_shape_and_range_and_depends_on_its_numbers(
    name: str, channels: int, size: int
) -> None:
    one = get(name)
    shown = pictures(5, size, channels)
    numbers = torch.rand(5, one.numbers, generator=torch.Generator().manual_seed(0))
    together = one(shown, numbers, one.max_strength)
    assert together.shape == shown.shape
    assert together.dtype == torch.float32
    assert -1e-3 <= float(together.min()) <= float(together.max()) <= 255 + 1e-3
    order = torch.tensor([3, 1])
    torch.testing.assert_close(one(shown[order], numbers[order], one.max_strength), together[order])
    torch.testing.assert_close(one(shown, numbers, 0.0), shown, atol=2e-2, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_operation_at_default_strength_changes_pictures(
    name: str,
) -> None:
    one = get(name)
    shown = torch.rand(40, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 255
    numbers = torch.rand(40, one.numbers, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(one(shown, numbers, one.default_strength), shown, atol=0.5)
    assert 0 < one.default_strength <= one.max_strength
    assert one.label
    assert one.help.endswith(".")


@pytest.mark.parametrize("name", [one.name for one in all_operations() if one.kind == "move"])
def test_move_with_neutral_numbers_changes_nothing(name: str) -> None:
    one, shown = get(name), pictures()
    numbers = torch.full((4, one.numbers), 0.5)
    torch.testing.assert_close(one(shown, numbers, one.max_strength), shown, atol=1e-2, rtol=0)


def test_flips_and_quarter_turns_are_those_of_numpy_to_the_bit() -> None:
    shown = pictures()
    array = shown.numpy()
    assert np.array_equal(change("flip", shown, 0.4, strength=0.5), array[..., ::-1])
    assert np.array_equal(change("flip", shown, 0.6, strength=0.5), array)
    assert np.array_equal(change("upside_down", shown, 0.4, strength=0.5), array[:, :, ::-1])
    for turns, number in ((1, 0.1), (2, 0.5), (3, 0.9)):
        expected = np.rot90(array, turns, (2, 3))
        assert np.array_equal(change("quarter", shown, 0.1, number, strength=0.5), expected)
    assert np.array_equal(change("quarter", shown, 0.6, 0.9, strength=0.5), array)


def test_turn_equals_torchvision_except_in_the_corners() -> None:
    shown = pictures(2, 40)
    for number, angle in ((1.0, 20.0), (0.25, -10.0)):
        changed = change("turn", shown, number, strength=20)
        # torchvision counts clockwise as positive in affine, and fills the corners.
        expected = reference.affine(
            shown, angle, [0, 0], 1.0, [0.0, 0.0], interpolation=InterpolationMode.BILINEAR
        )
        middle = (..., slice(10, 30), slice(10, 30))
        torch.testing.assert_close(changed[middle], expected[middle], atol=0.1, rtol=0)


def test_a_shift_by_whole_pixels_is_a_window_with_a_reflected_border() -> None:
    shown = pictures(2, 20)
    changed = change("shift", shown, 1.0, 0.25, strength=0.1)  # 2 to the right, 1 up
    padded = np.pad(shown.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="symmetric")
    torch.testing.assert_close(
        changed, torch.from_numpy(padded)[:, :, 3:23, 0:20], atol=0.05, rtol=0
    )


def test_scaling_by_two_equals_torchvision_resize_of_the_middle() -> None:
    shown = pictures(2, 24)
    changed = change("scale", shown, 1.0, strength=1.0)
    expected = reference.resize(shown[:, :, 5:19, 5:19], [28, 28], antialias=False)
    torch.testing.assert_close(
        changed[:, :, 1:-1, 1:-1], expected[:, :, 3:-3, 3:-3], atol=0.05, rtol=0
    )


def test_a_crop_to_a_quarter_of_the_area_is_that_part_enlarged() -> None:
    shown = pictures(2, 24)
    changed = change("crop", shown, 1.0, 0.5, 0.0, 1.0, strength=0.75)  # left, bottom
    expected = reference.resize(shown[:, :, 12:, :12], [24, 24], antialias=False)
    torch.testing.assert_close(changed[:, :, 2:, :-2], expected[:, :, 2:, :-2], atol=0.05, rtol=0)


def test_a_crop_never_leaves_the_picture_and_keeps_its_area() -> None:
    numbers = torch.rand(500, 4, generator=torch.Generator().manual_seed(0))
    width, _, x, _, height, y = get("crop").function(numbers, 0.4)
    for side, place in ((width, x), (height, y)):
        assert float((side + place.abs()).max()) <= 1 + 1e-6
    assert 0.6 <= float((width * height).min()) < 0.61
    assert 1.2 < float((width / height).max()) < 1.34


def test_shear_moves_rows_in_proportion_to_their_distance() -> None:
    ramp = torch.arange(21.0).expand(1, 1, 21, 21)
    changed = change("shear", ramp, 1.0, 0.5, strength=0.2)
    # The row 5 below the middle takes its pixels from 1 further to the right.
    torch.testing.assert_close(changed[0, 0, 15, 5:15], ramp[0, 0, 15, 5:15] + 1, atol=1e-2, rtol=0)
    torch.testing.assert_close(changed[0, 0, 10], ramp[0, 0, 10], atol=1e-2, rtol=0)


def test_moves_one_after_another_are_their_composition() -> None:
    line = torch.arange(64.0)
    slope = (line[:, None] + 2 * line).expand(2, 1, 64, 64)  # sampling between pixels loses nothing
    turned = get("turn").function(torch.tensor([[0.8], [0.3]]), 20)
    leaning = get("shear").function(torch.tensor([[0.9, 0.4], [0.5, 0.7]]), 0.3)
    twice = sample(sample(slope, turned), leaning)
    once = sample(slope, compose(turned, leaning))
    middle = (..., slice(20, 44), slice(20, 44))
    torch.testing.assert_close(once[middle], twice[middle], atol=0.01, rtol=0)


@pytest.mark.parametrize("number", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("brightness", reference.adjust_brightness),
        ("contrast", reference.adjust_contrast),
        ("saturation", reference.adjust_saturation),
        ("sharpness", reference.adjust_sharpness),
    ],
)
def test_light_and_colour_are_those_of_torchvision(name: str, function, number: float) -> None:
    shown = pictures()
    factor = 1 + 0.6 * (2 * number - 1)
    expected = torch.stack([function(one / 255, factor) for one in shown]) * 255
    changed = change(name, shown, number, strength=0.6)
    torch.testing.assert_close(changed, expected, atol=1e-2, rtol=0)


def test_hue_is_that_of_css_and_leaves_greys_alone() -> None:
    shown = pictures()
    a = math.radians(40)
    keep = np.array([[0.213, 0.715, 0.072]] * 3)
    swing = np.array([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
    matrix = keep + math.cos(a) * (np.eye(3) - keep) + math.sin(a) * swing
    expected = np.einsum("ij,njhw->nihw", matrix, shown.double().numpy()).clip(0, 255)
    changed = change("hue", shown, 1.0, strength=40)
    np.testing.assert_allclose(changed.numpy(), expected, atol=1e-2)
    grey = shown[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(change("hue", grey, 0.9, strength=180), grey, atol=0.5, rtol=0)


def test_grey_is_that_of_torchvision() -> None:
    shown = pictures()
    expected = reference.rgb_to_grayscale(shown / 255, num_output_channels=3) * 255
    torch.testing.assert_close(
        change("grey", shown, 0.1, strength=0.5), expected, atol=1e-2, rtol=0
    )
    assert torch.equal(change("grey", shown, 0.6, strength=0.5), shown)


@pytest.mark.parametrize("bits", [1, 3, 6])
def test_fewer_tones_are_those_of_torchvision(bits: int) -> None:
    shown = pictures()
    changed = change("posterize", shown, 0.0, strength=8.0 - bits)
    assert torch.equal(to_byte(changed), reference.posterize(to_byte(shown), bits))


def test_solarised_pictures_are_those_of_torchvision() -> None:
    shown = pictures()
    changed = change("solarize", shown, 1.0, strength=0.5)
    assert torch.equal(to_byte(changed), reference.solarize(to_byte(shown), 128))


def test_full_contrast_and_equalising_are_those_of_torchvision() -> None:
    shown = pictures(3, 40)
    shown = shown * 0.6 + 20
    shown[0] = 77.0  # a flat picture stays as it is
    shown = shown.round()
    stretched = change("autocontrast", shown, 0.1, strength=0.5)
    expected = torch.stack([reference.autocontrast(one / 255) for one in shown]) * 255
    torch.testing.assert_close(stretched, expected, atol=1e-2, rtol=0)
    even = change("equalize", shown, 0.1, strength=0.5)
    expected = torch.stack([reference.equalize(to_byte(one)) for one in shown])
    assert torch.equal(to_byte(even), expected)
    assert torch.equal(change("equalize", shown, 0.9, strength=0.5), shown)


def test_blur_is_that_of_torchvision() -> None:
    shown = pictures(2, 40)
    # 3 of 40 pixels at most, of which half is drawn; the kernel reaches three times the most.
    changed = change("blur", shown, 0.75, strength=0.075)
    expected = reference.gaussian_blur(shown, [19, 19], [1.5, 1.5])
    torch.testing.assert_close(changed, expected, atol=1e-2, rtol=0)


def test_noise_has_its_deviation_and_differs_between_pictures() -> None:
    shown = torch.full((6, 3, 64, 64), 128.0)
    numbers = torch.tensor([[1.0, n / 6] for n in range(6)])
    grain = get("noise")(shown, numbers, 0.1) - shown
    assert grain.std((1, 2, 3)) == pytest.approx(torch.full((6,), 25.5), rel=0.03)
    assert grain.mean((1, 2, 3)).abs().max() < 1
    alike = np.corrcoef(grain.reshape(6, -1).numpy()) - np.eye(6)
    assert np.abs(alike).max() < 0.05
    assert torch.equal(change("noise", shown, 0.5, 0.3, strength=0.5), shown)


def test_erase_changes_a_square_only() -> None:
    shown = pictures(1, 20)
    changed = change("erase", shown, 0.5, 0.0, strength=0.4)  # the middle of the left side
    expected = shown.clone()
    expected[:, :, 6:14, 0:4] = shown.mean()
    torch.testing.assert_close(changed, expected)


def test_repeated_and_unknown_operation_names_are_refused() -> None:
    with pytest.raises(ValueError, match="two operations named flip"):
        operations.operation("Again", "Again.", default_strength=1.0)(get("flip").function)
    with pytest.raises(BadInputError, match="no change named melt"):
        get("melt")
