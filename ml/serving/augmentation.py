"""What a model would see of one picture, for the pages: changed many times over, and mixed.

The inference worker imports this when it is first asked, for it imports torch.
"""

import io
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ml.data.augment.apply import apply
from ml.data.augment.batch import Augment, mix
from ml.data.augment.mixup import Mixing, cutmix, mixup
from ml.data.augment.policies import Policy, Step
from ml.data.pixels.pixels import Pixels, PixelSpec, canonical
from ml.errors import BadInputError
from ml.serving.protocol import Frame

MOST = 64
"""Versions of a picture in one answer."""
EXACT = 64
"""Pictures below this side are sent as they are: they are shown enlarged."""


def show(header: dict[str, Any], data: bytes) -> Frame:
    """The answer to one request: ``count`` versions of the first of some pictures.

    ``{"sizes": bytes of each picture, "pixels": a PixelSpec, "count", "turn"}``; ``turn`` is
    another draw. Besides, either ``policy``, one of the setting ``augment``, or ``operation`` and
    ``strength``: then the versions go from one end of what may happen to the other. ``mixing``
    mixes them with the other pictures, changed as well.

    The answer has the ``sizes`` of the versions and the ``shares`` of the first picture in each.

    Raises:
        BadInputError: a picture cannot be read, or there is nothing of the name that was asked for.
    """
    torch.set_num_threads(1)  # a dozen small pictures; a training may need the other cores
    spec, count = PixelSpec.from_json(header["pixels"]), min(MOST, int(header["count"]))
    pictures, start = [], 0
    for size in header["sizes"]:
        pictures.append(torch.from_numpy(_pixels(data[start : start + size], spec)))
        start += size
    if not pictures or count < 1:
        raise BadInputError("There is no picture to show.")
    batch = [pictures[0]] * count
    if header["mixing"] != "none":
        others = pictures[1:] or pictures
        batch += [others[place % len(others)] for place in range(count)]
    with torch.inference_mode():
        mixed, shares = _mixed(_changed(torch.stack(batch), header), count, header)
    encoded = [_encoded(one) for one in mixed.round().clamp(0, 255).byte().numpy()]
    told = {"sizes": [len(one) for one in encoded], "shares": shares}
    return told, b"".join(encoded)


def _changed(pictures: Tensor, header: dict[str, Any]) -> Tensor:
    """All versions (N, S, S, C), those of the partners after those of the picture: float."""
    count, turn = len(pictures), int(header["turn"])
    if header.get("operation"):
        step = Step(str(header["operation"]), float(header["strength"]))
        policy = Policy("", "", "", (step,))
        chance = torch.Generator().manual_seed(mix(turn, 0, 1))
        numbers = torch.rand(count, policy.numbers, generator=chance)
        numbers[:, 1] = (torch.arange(count) + 0.5) / count
        return apply(policy, pictures, numbers)
    name = str(header["policy"])
    if name == "none":
        return pictures.float()
    augment = Augment(name, turn, count)
    return augment(pictures, torch.arange(count)).float()


def _mixed(versions: Tensor, count: int, header: dict[str, Any]) -> tuple[Tensor, list[float]]:
    """``count`` versions of the picture, mixed with those of the partners, and its shares."""
    kind, pictures, partners = str(header["mixing"]), versions[:count], versions[count:]
    if kind == "none":
        return pictures, [1.0] * count
    drawn = Mixing(kind, int(header["turn"]), count, 1)
    if kind == "mixup":
        return mixup(pictures, partners, drawn.shares), drawn.shares.tolist()
    mixed, left = cutmix(pictures, partners, drawn.shares, drawn.places)
    return mixed, left.tolist()


@lru_cache(maxsize=64)
def _pixels(data: bytes, spec: PixelSpec) -> Pixels:
    return canonical(data, spec)


def _encoded(pixels: "np.ndarray") -> bytes:
    """Pixels uint8 (S, S, C) as PNG where they are few, else as WebP."""
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    out = io.BytesIO()
    if len(pixels) < EXACT:
        picture.save(out, "PNG", compress_level=1)
    else:
        picture.save(out, "WEBP", quality=85, method=0)
    return out.getvalue()
