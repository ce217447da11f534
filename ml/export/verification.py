"""The file that a run ships, proven against torch, and its answers to the run's own pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ml.data.run_pictures import Pictures
from ml.export.onnx import export_onnx
from ml.inference import ood_reference
from ml.inference.model_folder import open_session, run_outputs
from ml.metrics import parity
from ml.metrics.report import Logits
from ml.models.network import Network

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TORCH_BATCH = 16
BLOCK = 256
SAME = 1e-3
"""Features that differ by less than this share of the largest are the same, but for rounding."""

Progress = Callable[[str, float], None]
Kept = Callable[[str], np.ndarray]
"""The features (N, F) of a split's pictures that are kept already."""


@dataclass(frozen=True)
class Shipped:
    """The answers of the file: logits (N, K) of the test and validation pictures, and features of
    the validation pictures (V, F) and of the training pictures ``train`` (n,) that a model carries.

    ``rows`` (M,) are the test pictures on which it was compared with torch, ``by_torch`` (M, K) is
    what that answered.
    """

    test: Logits
    val: Logits
    val_features: np.ndarray
    train: np.ndarray
    train_features: np.ndarray
    rows: np.ndarray
    by_torch: Logits


def ship(
    network: Network,
    pictures: Pictures,
    path: Path,
    about: dict[str, Any],
    kept: Kept | None,
    progress: Progress,
    cache: Path | None,
) -> Shipped:
    """Write ``network`` to ``path`` as ONNX and ask the file.

    Test pictures, evenly spread, show that it answers as ``network`` does. Where features are kept,
    the same graph has made them: then a few pictures show that too, and the head does the rest;
    else every picture goes through the file.

    Args:
        network: moved to the CPU and into evaluation mode.
        about: written into the file.
        kept: gives features that are kept.
        progress: is told the phase, export or evaluate, and the share of it that is done.
        cache: a folder where traced graphs may be kept between runs.
    """
    network.cpu().eval()
    count = len(pictures.indices("test"))
    some = parity.count_compared(count, cached=kept is not None)
    rows = np.linspace(0, count - 1, some).astype(np.int64)
    by_torch = _torch_logits(network, pictures, rows)
    names = ("logits", "features") if kept else ("logits",)
    for anew in (False, True):
        progress("export", 0.0)
        export_onnx(network, pictures.spec, path, about, cache, anew=anew, frozen=kept is not None)
        progress("export", 1.0)
        session = open_session(path.read_bytes(), torch.get_num_threads())
        test, *found = _ask(session, pictures, "test", rows, names, progress, 0.0)
        if cache is None or parity.is_same(parity.compare(test, by_torch, 1.0)):
            break  # else the kept graph is not this network's
    if kept is not None and _same(found[0], kept("test")[rows]):
        answered, seen = _head(network, kept("test")), kept("val")
        answered[rows] = test
        train = ood_reference.carried_items(len(pictures.indices("train")), seen.shape[1])
        features = kept("train")[train]
        return Shipped(answered, _head(network, seen), seen, train, features, rows, by_torch)
    if some < count:
        (test,) = _ask(session, pictures, "test", np.arange(count), ("logits",), progress, 0.0)
    every = np.arange(len(pictures.indices("val")))
    val, seen = _ask(session, pictures, "val", every, ("logits", "features"), progress, 1 / 3)
    train = ood_reference.carried_items(len(pictures.indices("train")), seen.shape[1])
    (features,) = _ask(session, pictures, "train", train, ("features",), progress, 2 / 3)
    return Shipped(test, val, seen, train, features, rows, by_torch)


def _ask(
    session: "InferenceSession",
    pictures: Pictures,
    split: str,
    rows: np.ndarray,
    names: tuple[str, ...],
    progress: Progress,
    done: float,
) -> list[np.ndarray]:
    """The outputs ``names``, each (n, ...), for the pictures ``rows`` (n,) of a split by the file,
    a few of them in memory at a time. It is a third of the work, of which ``done`` is done."""
    places, parts = pictures.rows(split)[rows], []
    for start in range(0, max(1, len(places)), BLOCK):
        progress("evaluate", done + start / max(1, len(places)) / 3)
        pixels = pictures.all_pixels[places[start : start + BLOCK]]
        parts.append(run_outputs(session, pixels, names))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def _same(features: np.ndarray, kept: np.ndarray) -> bool:
    """Whether both (n, F) are the same but for rounding."""
    if not len(features):
        return False
    return bool(np.abs(features - kept).max() <= SAME * np.abs(kept).max())


def _head(network: Network, features: np.ndarray) -> Logits:
    """Logits (N, K) of features (N, F)."""
    with torch.inference_mode():
        return np.array(network.head(torch.from_numpy(features)).float().numpy())


def _torch_logits(network: Network, pictures: Pictures, rows: np.ndarray) -> Logits:
    """Logits (n, K) of the test pictures ``rows`` by torch on the CPU."""
    places = pictures.rows("test")[rows]
    found = [np.empty((0, len(pictures.classes)), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(places), TORCH_BATCH):
            pixels = pictures.all_pixels[places[start : start + TORCH_BATCH]]
            found.append(network(torch.from_numpy(np.array(pixels))).float().numpy())
    return np.concatenate(found)
