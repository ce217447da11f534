"""Verified export: writes the ONNX file of a run, compares it with torch, and collects its
answers."""

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
MAX_RELATIVE_DIFFERENCE = 1e-3
"""Features that differ by at most this share of the largest are equal but for rounding."""

Progress = Callable[[str, float], None]
Kept = Callable[[str], np.ndarray]
"""Gives the cached features (N, F) of the pictures of a split."""


@dataclass(frozen=True)
class Shipped:
    """The answers of the exported file: logits (N, K) of the test and validation pictures, features
    of the validation pictures (V, F), and ``train_features`` (n, F) of the training pictures
    ``train`` (n,) that the model carries as its OOD reference.

    ``by_torch`` (M, K) are torch's logits of the test pictures ``rows`` (M,), on which both were
    compared.
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
    cached_features: Kept | None,
    progress: Progress,
    cache: Path | None,
) -> Shipped:
    """Write ``network`` to ``path`` as ONNX, compare the file with torch, and collect its answers.

    The comparison takes evenly spread test pictures. Where the features of all pictures are cached,
    the same graph computed them: the comparison checks that as well, and the head answers for the
    other pictures. Else every picture goes through the file.

    Args:
        network: moved to the CPU and into evaluation mode.
        about: written into the file.
        cached_features: gives the cached features of a split; None where none are cached.
        progress: called with the phase, export or evaluate, and the share of it that is done.
        cache: a folder for traced graphs, shared by runs; None for no cache.
    """
    network.cpu().eval()
    count = len(pictures.indices("test"))
    compared_count = parity.count_compared(count, cached=cached_features is not None)
    rows = np.linspace(0, count - 1, compared_count).astype(np.int64)
    by_torch = _torch_logits(network, pictures, rows)
    names = ("logits", "features") if cached_features else ("logits",)
    frozen = cached_features is not None
    for retrace in (False, True):
        progress("export", 0.0)
        export_onnx(network, pictures.spec, path, about, cache, retrace=retrace, frozen=frozen)
        progress("export", 1.0)
        session = open_session(path.read_bytes(), torch.get_num_threads())
        answers = _ask(session, pictures, "test", rows, names, progress, 0.0)
        if cache is None or parity.is_same(parity.compare(answers[0], by_torch, 1.0)):
            break  # else the graph in the cache is not this network's
    if cached_features is not None and _same(answers[1], cached_features("test")[rows]):
        return _from_cached_features(
            network, pictures, cached_features, rows=rows, logits=answers[0], by_torch=by_torch
        )
    test = answers[0]
    if compared_count < count:
        (test,) = _ask(session, pictures, "test", np.arange(count), ("logits",), progress, 0.0)
    every = np.arange(len(pictures.indices("val")))
    val, val_features = _ask(
        session, pictures, "val", every, ("logits", "features"), progress, 1 / 3
    )
    train = ood_reference.carried_items(len(pictures.indices("train")), val_features.shape[1])
    (train_features,) = _ask(session, pictures, "train", train, ("features",), progress, 2 / 3)
    return Shipped(test, val, val_features, train, train_features, rows, by_torch)


def _from_cached_features(
    network: Network,
    pictures: Pictures,
    cached_features: Kept,
    *,
    rows: np.ndarray,
    logits: Logits,
    by_torch: Logits,
) -> Shipped:
    """The answers by the head on cached features; for the test pictures ``rows`` (M,) those of the
    file, ``logits`` (M, K)."""
    test, val_features = _head(network, cached_features("test")), cached_features("val")
    test[rows] = logits
    train = ood_reference.carried_items(len(pictures.indices("train")), val_features.shape[1])
    return Shipped(
        test=test,
        val=_head(network, val_features),
        val_features=val_features,
        train=train,
        train_features=cached_features("train")[train],
        rows=rows,
        by_torch=by_torch,
    )


def _ask(
    session: "InferenceSession",
    pictures: Pictures,
    split: str,
    rows: np.ndarray,
    names: tuple[str, ...],
    progress: Progress,
    done: float,
) -> list[np.ndarray]:
    """The outputs ``names`` of the file, each (n, ...), for the pictures ``rows`` (n,) of a split,
    in batches. ``done`` (0 to 1) is the progress before; this is a third of the work."""
    places, parts = pictures.rows(split)[rows], []
    for start in range(0, max(1, len(places)), BLOCK):
        progress("evaluate", done + start / max(1, len(places)) / 3)
        pixels = pictures.all_pixels[places[start : start + BLOCK]]
        parts.append(run_outputs(session, pixels, names))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def _same(features: np.ndarray, cached: np.ndarray) -> bool:
    """Whether both (n, F) are the same but for rounding."""
    if not len(features):
        return False
    return bool(np.abs(features - cached).max() <= MAX_RELATIVE_DIFFERENCE * np.abs(cached).max())


def _head(network: Network, features: np.ndarray) -> Logits:
    """Logits (N, K) of features (N, F)."""
    with torch.inference_mode():
        return np.array(network.head(torch.from_numpy(features)).float().numpy())


def _torch_logits(network: Network, pictures: Pictures, rows: np.ndarray) -> Logits:
    """Logits (n, K) of the test pictures ``rows`` by torch on the CPU."""
    places = pictures.rows("test")[rows]
    logits = [np.empty((0, len(pictures.classes)), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(places), TORCH_BATCH):
            pixels = pictures.all_pixels[places[start : start + TORCH_BATCH]]
            logits.append(network(torch.from_numpy(np.array(pixels))).float().numpy())
    return np.concatenate(logits)
