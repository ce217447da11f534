"""The end of a run: export, calibrate, measure, and put the classifier into place.

What is measured is the exported file, by ONNX Runtime, so that what is reported is what is shipped.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ml import abstain, calibration, predictions, unlike
from ml.centroid import nearest_centroid
from ml.data.pictures import Pictures
from ml.errors import DivergedError
from ml.export import parity
from ml.export.onnx import export_onnx
from ml.export.weights import save_weights
from ml.files import explain_os_error, sha256_of, write_json
from ml.machine import versions
from ml.model_folder import MODEL_VERSION, open_session, run_outputs, run_session
from ml.models import registry
from ml.models.network import Network
from ml.predictions import Predictions
from ml.report import Logits, figures, make_report
from ml.runs import Run

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TORCH_BATCH = 16
BLOCK = 256
Progress = Callable[[str, float], None]


def finalise(
    run: Run,
    network: Network,
    pictures: Pictures,
    *,
    torch_logits: Callable[[str], np.ndarray] | None,
    features: Callable[[], np.ndarray] | None = None,
    progress: Progress,
    cache: Path | None,
) -> dict[str, dict[str, float]]:
    """Make the classifier of ``run`` out of ``network``, which holds the best weights.

    Writes ``predictions.npz`` and ``report.json`` for the test pictures, then puts ``model/`` into
    place as a whole: ``model.onnx``, ``weights.pt``, ``learned.npz`` (see ``ml.unlike``) and,
    written last, ``model.json``.

    Args:
        network: moved to the CPU and into evaluation mode.
        torch_logits: gives torch's logits (N, K) of a split; without it the network is run.
        features: gives those (N, F) of the training pictures that are kept already; without it
            the exported file is run.
        progress: is told the phase, export or evaluate, and the share of it that is done.
        cache: a folder where traced graphs may be kept between runs.

    Returns:
        For ``validation`` and ``test``: accuracy, balanced_accuracy, macro_f1, loss.

    Raises:
        DivergedError: the network answers with what is not a number.
        WorkspaceError: the disk is full or cannot be written to.
    """
    started = time.perf_counter()
    staged = _stage(run.folder)
    by_torch = torch_logits("test") if torch_logits else _torch_logits(network, pictures, "test")
    test, val, seen, session = _export(network, pictures, run, staged, by_torch, progress, cache)
    if not (np.isfinite(val).all() and np.isfinite(test).all()):
        raise DivergedError(
            "The model's answers are not numbers: training went astray. Retry with a lower "
            "learning rate."
        )
    labels = {split: pictures.labels(split) for split in ("train", "val", "test")}
    manifest = _manifest(run, network, pictures, val, labels["val"])
    manifest["parity"] = parity.compare(test, by_torch, manifest["temperature"])
    rows = unlike.chosen(len(labels["train"]), seen.shape[1])
    kept = features()[rows] if features else _features(session, pictures, rows, progress)
    items = pictures.indices("train")[rows]
    known, manifest["unlike"] = unlike.fit(kept, items, labels["train"][rows], seen, val)
    if known is not None:
        known.save(staged / unlike.FILE)
    save_weights(network, staged / "weights.pt")
    manifest["sha256"] = {path.name: sha256_of(path) for path in sorted(staged.iterdir())}
    write_json(staged / "model.json", manifest)

    report = make_report(test, labels["test"], labels["train"], "test", manifest)
    report |= {"dataset": pictures.version.name, "fingerprint": pictures.version.fingerprint}
    report["version"] = pictures.version.version
    report["centroid"] = nearest_centroid(pictures, "test")
    Predictions(
        pictures.indices("test"), labels["test"], test, tuple(pictures.hashes("test"))
    ).save(run.folder / predictions.FILE)
    write_json(run.folder / "report.json", report | {"seconds": time.perf_counter() - started})
    _put_into_place(staged, run.folder / "model")
    progress("evaluate", 1.0)
    return {"validation": figures(val, labels["val"]), "test": figures(test, labels["test"])}


def _export(
    network: Network,
    pictures: Pictures,
    run: Run,
    staged: Path,
    by_torch: np.ndarray,
    progress: Progress,
    cache: Path | None,
) -> tuple[Logits, Logits, np.ndarray, "InferenceSession"]:
    """Write ``model.onnx``; its logits of the test pictures, logits and features of the validation
    pictures, and the session that runs it."""
    path = staged / "model.onnx"
    about = {"classes": list(pictures.classes), "model": run.config.model, "run": run.id}
    test = by_torch
    for anew in (False, True):
        progress("export", 0.0)
        export_onnx(network, pictures.spec, path, about, cache, anew=anew)
        progress("export", 1.0)
        session = open_session(path.read_bytes(), torch.get_num_threads())
        test = run_session(
            session, pictures.pixels("test"), lambda share: progress("evaluate", share / 3)
        )
        if cache is None or parity.is_same(parity.compare(test, by_torch, 1.0)):
            break  # else the kept graph is not this network's
    val, features = run_outputs(
        *(session, pictures.pixels("val"), ("logits", "features")),
        lambda share: progress("evaluate", (1 + share) / 3),
    )
    return test, val, features, session


def _features(
    session: "InferenceSession", pictures: Pictures, rows: np.ndarray, progress: Progress
) -> np.ndarray:
    """Features (n, F) of the training pictures ``rows`` (n,), a few of them in memory at a time."""
    places, parts = pictures.rows("train")[rows], []
    for start in range(0, max(1, len(places)), BLOCK):
        progress("evaluate", (2 + start / max(1, len(places))) / 3)
        pixels = pictures.all_pixels[places[start : start + BLOCK]]
        parts += run_outputs(session, pixels, ("features",))
    return np.concatenate(parts)


def _torch_logits(network: Network, pictures: Pictures, split: str) -> Logits:
    """Logits (N, K) of a split by torch on the CPU."""
    network.cpu().eval()
    pixels = pictures.pixels(split)
    found = [np.empty((0, len(pictures.classes)), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(pixels), TORCH_BATCH):
            batch = torch.from_numpy(np.array(pixels[start : start + TORCH_BATCH]))
            found.append(network(batch).float().numpy())
    return np.concatenate(found)


def _manifest(
    run: Run, network: Network, pictures: Pictures, val: Logits, labels: np.ndarray
) -> dict[str, Any]:
    """``model.json``, but for parity and hashes. Calibration is found on validation pictures."""
    licence = registry.get(run.config.model).licence
    temperature = calibration.fit_temperature(val, labels)
    chances = calibration.softmax(val, temperature)
    threshold = calibration.fit_threshold(chances, labels)
    return {
        "version": MODEL_VERSION,
        "run": run.id,
        "model": run.config.model,
        "classes": list(pictures.classes),
        "pixels": pictures.spec.to_json(),
        "input": {"name": "pictures", "type": "uint8", "layout": "NHWC"},
        "outputs": list(network.outputs),
        "temperature": temperature,
        "threshold": threshold,
        "threshold_rule": calibration.RULE,
        "answers": abstain.count(chances, labels, threshold),
        "versions": versions(),
    } | ({"licence": licence} if run.config.pretrained and licence else {})


def _stage(folder: Path) -> Path:
    """An empty folder beside ``model/``, after what a worker that was killed here left behind."""
    staged, old, model = folder / ".model.part", folder / ".model.old", folder / "model"
    try:
        if old.exists() and not model.exists():
            old.rename(model)
        for left in (staged, old):
            shutil.rmtree(left, ignore_errors=True)
        staged.mkdir()
    except OSError as error:
        raise explain_os_error(error, staged) from error
    return staged


def _put_into_place(staged: Path, model: Path) -> None:
    """Exchange whole folders, so that no reader finds new weights beside an old manifest."""
    old = model.with_name(".model.old")
    try:
        if model.exists():
            model.rename(old)
        staged.rename(model)
    except OSError as error:
        raise explain_os_error(error, model) from error
    shutil.rmtree(old, ignore_errors=True)
