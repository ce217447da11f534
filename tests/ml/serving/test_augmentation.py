"""What the pages are shown is what a training would see."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ml.data.augment.apply import apply
from ml.data.augment.batch import Augment
from ml.data.augment.mixup import Mixing, mixup
from ml.data.augment.policies import POLICIES, Policy, Step
from ml.data.pixels.pixels import PixelSpec, canonical
from ml.serving.service import Worker
from tests.helpers import made_up_runs

SPEC = PixelSpec(32)


def ask(*pictures: bytes, **wanted: object) -> tuple[list[np.ndarray], list[float]]:
    """Versions as pixels (S, S, C) and the shares of the first picture."""
    usual = {"op": "augment", "pixels": SPEC.to_json(), "mixing": "none", "count": 6, "turn": 0}
    sizes = [len(one) for one in pictures]
    header, data = Worker().answer({**usual, "sizes": sizes, **wanted}, b"".join(pictures))
    assert "refused" not in header, header
    found, start = [], 0
    for size in header["sizes"]:
        pixels = np.asarray(Image.open(io.BytesIO(data[start : start + size])))
        found.append(pixels if pixels.ndim == 3 else pixels[..., None])
        start += size
    assert start == len(data)
    return found, header["shares"]


def seen(*pictures: bytes) -> torch.Tensor:
    return torch.from_numpy(np.stack([canonical(one, SPEC) for one in pictures]))


@pytest.mark.parametrize("policy", ["light", "strong", *POLICIES])
def test_versions_are_what_training_makes_of_the_picture(policy: str) -> None:
    picture = made_up_runs.picture(3)
    found, shares = ask(picture, policy=policy, turn=5)
    told = Augment(policy, 5, 6)(seen(*[picture] * 6), torch.arange(6)).float().round()
    assert np.array_equal(np.stack(found), told.clamp(0, 255).numpy())
    assert shares == [1.0] * 6
    again, _ = ask(picture, policy=policy, turn=6)
    assert not np.array_equal(np.stack(found), np.stack(again))


def test_no_augmentation_is_the_picture_as_the_model_sees_it() -> None:
    picture = made_up_runs.picture(3)
    found, _ = ask(picture, policy="none", count=1)
    assert np.array_equal(found[0], canonical(picture, SPEC))
    grey = PixelSpec(28, "grey")
    found, _ = ask(picture, policy="none", count=1, pixels=grey.to_json())
    assert np.array_equal(found[0], canonical(picture, grey))


def test_one_change_is_shown_from_one_end_to_the_other() -> None:
    picture = made_up_runs.picture(3)
    found, _ = ask(picture, operation="brightness", strength=0.5, count=5)
    step = Policy("", "", "", (Step("brightness", 0.5),))
    numbers = torch.tensor([[0.0, (n + 0.5) / 5] for n in range(5)])
    told = apply(step, seen(*[picture] * 5), numbers).round()
    assert np.array_equal(np.stack(found), told.numpy())
    means = [float(one.mean()) for one in found]
    assert means == sorted(means)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_versions_say_how_much_of_the_picture_is_left(kind: str) -> None:
    first, *others = (made_up_runs.solid(label, 7) for label in range(3))
    found, shares = ask(first, *others, policy="none", mixing=kind, turn=2)
    values = seen(first, *others)[:, 0, 0].float().numpy()
    for n, (pixels, share) in enumerate(zip(found, shares, strict=True)):
        expected = share * values[0] + (1 - share) * values[1 + n % 2]
        np.testing.assert_allclose(pixels.mean((0, 1)), expected, atol=0.6)
    drawn = Mixing(kind, 2, 6, 1).shares
    if kind == "mixup":
        assert shares == drawn.tolist()
        told = mixup(seen(first)[:1], seen(others[0])[:1], drawn[:1]).round()
        assert np.array_equal(found[0], told[0].numpy())


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"operation": "melt", "strength": 1.0}, "no change named melt"),
        ({"policy": "none", "count": 0}, "no picture"),
        ({"policy": "none", "pixels": {"size": 0, "colour": "rgb", "fit": "crop"}}, "0 pixels"),
        ({}, "unforeseen"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(wanted: dict[str, object], said: str) -> None:
    data = made_up_runs.picture(0)
    usual = {"op": "augment", "pixels": SPEC.to_json(), "mixing": "none", "count": 6, "turn": 0}
    header, rest = Worker().answer({**usual, "sizes": [len(data)], **wanted}, data)
    assert said in header["refused"]
    assert rest == b""
    header, _ = Worker().answer({**usual, "sizes": [4], "policy": "none"}, b"nope")
    assert "not a picture" in header["refused"]
