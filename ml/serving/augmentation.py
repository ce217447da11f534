"""Handler of ``augment``: versions of a picture as a training would augment and mix it.

It imports torch, so the worker imports it when it is first asked for.
"""

import io
from functools import lru_cache
from typing import ClassVar

import torch
from PIL import Image
from torch import Tensor

from ml.data.augment.apply import apply
from ml.data.augment.batch import Augment, mix
from ml.data.augment.mixup import Mixing, cutmix, mixup
from ml.data.augment.policies import Policy, Step
from ml.data.pixels.decode import OUT_OF_MEMORY
from ml.data.pixels.pixels import Pixels, PixelSpec, canonical
from ml.errors import BadInputError
from ml.serving.classification import UNFORESEEN_PICTURE
from ml.serving.handlers import handler
from ml.serving.model_cache import ModelCache
from ml.serving.protocol import AugmentRequest, AugmentResponse

MAX_VERSIONS = 64
"""Versions of a picture in one response."""
MIN_LOSSY_SIDE = 64
"""Pictures of a smaller side are sent without loss, for the page shows them enlarged."""


@handler(AugmentRequest)
class AugmentHandler:
    """Augments one picture as a training would."""

    unforeseen: ClassVar[str] = UNFORESEEN_PICTURE

    def __init__(self, models: ModelCache) -> None:
        torch.set_num_threads(1)  # a dozen small pictures; a training may need the other cores

    def __call__(self, request: AugmentRequest) -> AugmentResponse:
        """Answer one request.

        Raises:
            BadInputError: a picture cannot be read, or there is no such policy or operation.
        """
        try:
            return augmented(request)
        except MemoryError as error:
            raise BadInputError(OUT_OF_MEMORY) from error


def augmented(request: AugmentRequest) -> AugmentResponse:
    """The versions that a request asks for, at most ``MAX_VERSIONS``.

    Raises:
        BadInputError: a picture cannot be read, or there is no such policy or operation.
    """
    spec, count = PixelSpec.from_json(request.pixels), min(MAX_VERSIONS, request.count)
    pictures = [torch.from_numpy(_pixels(data, spec)) for data in request.pictures]
    if not pictures or count < 1:
        raise BadInputError("There is no picture to show.")
    batch = [pictures[0]] * count
    if request.mixing != "none":
        partners = pictures[1:] or pictures
        batch += [partners[n % len(partners)] for n in range(count)]
    with torch.inference_mode():
        versions, shares = _mixed(_augmented(torch.stack(batch), request), count, request)
    pixels = versions.round().clamp(0, 255).byte().numpy()
    return AugmentResponse(tuple(_encoded(one) for one in pixels), shares)


def _augmented(pictures: Tensor, request: AugmentRequest) -> Tensor:
    """All versions (N, S, S, C), float: those of the picture, then those of its partners."""
    count = len(pictures)
    if request.operation:
        step = Step(request.operation, request.strength)
        policy = Policy("", "", "", (step,))
        generator = torch.Generator().manual_seed(mix(request.turn, 0, 1))
        numbers = torch.rand(count, policy.numbers, generator=generator)
        numbers[:, 1] = (torch.arange(count) + 0.5) / count
        return apply(policy, pictures, numbers)
    if not request.policy:
        raise BadInputError("There is no policy and no operation to change the picture by.")
    if request.policy == "none":
        return pictures.float()
    augment = Augment(request.policy, request.turn, count)
    return augment(pictures, torch.arange(count)).float()


def _mixed(versions: Tensor, count: int, request: AugmentRequest) -> tuple[Tensor, list[float]]:
    """The first ``count`` versions mixed with the others, and the share of the picture in each."""
    kind, pictures, partners = request.mixing, versions[:count], versions[count:]
    if kind == "none":
        return pictures, [1.0] * count
    drawn = Mixing(kind, request.turn, count, 1)
    if kind == "mixup":
        return mixup(pictures, partners, drawn.shares), drawn.shares.tolist()
    mixed, shares = cutmix(pictures, partners, drawn.shares, drawn.places)
    return mixed, shares.tolist()


@lru_cache(maxsize=64)
def _pixels(data: bytes, spec: PixelSpec) -> Pixels:
    return canonical(data, spec)


def _encoded(pixels: Pixels) -> bytes:
    """Pixels uint8 (S, S, C) as PNG where they are small, else as WebP."""
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    out = io.BytesIO()
    if len(pixels) < MIN_LOSSY_SIDE:
        picture.save(out, "PNG", compress_level=1)
    else:
        picture.save(out, "WEBP", quality=85, method=0)
    return out.getvalue()
