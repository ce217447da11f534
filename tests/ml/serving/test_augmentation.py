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
from ml.errors import BadInputError
from ml.serving import augmentation
from ml.serving.protocol import AugmentRequest, AugmentResponse, response_of
from ml.serving.service import Worker
from tests.helpers import made_up_runs

SPEC = PixelSpec(32)


def ask(*pictures: bytes, **wanted: object) -> tuple[list[np.ndarray], list[float]]:
    """Versions as pixels (S, S, C) and the shares of the first picture."""
    usual = {"pixels": SPEC.to_json(), "count": 6, "turn": 0}
    request = AugmentRequest(**{**usual, **wanted}, pictures=pictures)
    response = response_of(AugmentResponse, Worker().answer(*request.to_frame()))
    decoded = [np.asarray(Image.open(io.BytesIO(one))) for one in response.versions]
    return [one if one.ndim == 3 else one[..., None] for one in decoded], response.shares


def seen(*pictures: bytes) -> torch.Tensor:
    return torch.from_numpy(np.stack([canonical(one, SPEC) for one in pictures]))


@pytest.mark.parametrize("policy", ["light", "strong", *POLICIES])
def test_versions_are_what_training_makes_of_the_picture(policy: str) -> None:
    picture = made_up_runs.picture(3)
    versions, shares = ask(picture, policy=policy, turn=5)
    expected = Augment(policy, 5, 6)(seen(*[picture] * 6), torch.arange(6)).float().round()
    assert np.array_equal(np.stack(versions), expected.clamp(0, 255).numpy())
    assert shares == [1.0] * 6
    again, _ = ask(picture, policy=policy, turn=6)
    assert not np.array_equal(np.stack(versions), np.stack(again))


def test_no_augmentation_is_the_picture_as_the_model_sees_it() -> None:
    picture = made_up_runs.picture(3)
    versions, _ = ask(picture, policy="none", count=1)
    assert np.array_equal(versions[0], canonical(picture, SPEC))
    grey = PixelSpec(28, "grey")
    versions, _ = ask(picture, policy="none", count=1, pixels=grey.to_json())
    assert np.array_equal(versions[0], canonical(picture, grey))


def test_one_change_is_shown_from_one_end_to_the_other() -> None:
    picture = made_up_runs.picture(3)
    versions, _ = ask(picture, operation="brightness", strength=0.5, count=5)
    step = Policy("", "", "", (Step("brightness", 0.5),))
    numbers = torch.tensor([[0.0, (n + 0.5) / 5] for n in range(5)])
    expected = apply(step, seen(*[picture] * 5), numbers).round()
    assert np.array_equal(np.stack(versions), expected.numpy())
    means = [float(one.mean()) for one in versions]
    assert means == sorted(means)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_versions_say_how_much_of_the_picture_is_left(kind: str) -> None:
    first, *others = (made_up_runs.solid(label, 7) for label in range(3))
    versions, shares = ask(first, *others, policy="none", mixing=kind, turn=2)
    values = seen(first, *others)[:, 0, 0].float().numpy()
    for n, (pixels, share) in enumerate(zip(versions, shares, strict=True)):
        expected = share * values[0] + (1 - share) * values[1 + n % 2]
        np.testing.assert_allclose(pixels.mean((0, 1)), expected, atol=0.6)
    drawn = Mixing(kind, 2, 6, 1).shares
    if kind == "mixup":
        assert shares == drawn.tolist()
        expected = mixup(seen(first)[:1], seen(others[0])[:1], drawn[:1]).round()
        assert np.array_equal(versions[0], expected[0].numpy())


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"operation": "melt", "strength": 1.0}, "no change named melt"),
        ({"policy": "none", "count": 0}, "no picture"),
        ({"policy": "none", "pixels": {"size": 0, "colour": "rgb", "fit": "crop"}}, "0 pixels"),
        ({}, "no policy and no operation"),
        ({"policy": "none", "pixels": {"size": 32}}, "does not say how"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(wanted: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        ask(made_up_runs.picture(0), **wanted)
    with pytest.raises(BadInputError, match="not a picture"):
        ask(b"nope", policy="none")


@pytest.mark.parametrize(
    ("error", "sentence"), [(MemoryError(), "more memory"), (KeyError("x"), "unforeseen")]
)
def test_whatever_goes_wrong_with_a_version_becomes_a_sentence(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: AugmentRequest) -> None:
        raise error

    monkeypatch.setattr(augmentation, "augmented", fail)
    with pytest.raises(BadInputError, match=sentence):
        ask(made_up_runs.picture(0), policy="none")
