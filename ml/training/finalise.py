"""The end of a run: export, calibrate, measure, and put the classifier into place.

What is measured is the exported file, by ONNX Runtime, so that what is reported is what is shipped
(see ``ml.export.verification``).
"""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from ml.data.run_pictures import Pictures
from ml.errors import DivergedError
from ml.export.verification import Kept, Progress, ship
from ml.export.weights import save_weights
from ml.hardware import versions
from ml.inference import ood_reference
from ml.inference.model_folder import CHECKSUM, MODEL_VERSION, checksum_of
from ml.metrics import calibration, parity, predictions, selective
from ml.metrics.baselines import nearest_centroid
from ml.metrics.predictions import Predictions
from ml.metrics.registry import LabelledLogits
from ml.metrics.report import Logits, make_report, metric_values, with_groups
from ml.models import catalog as model_catalog
from ml.models.network import Network
from ml.runs.folder import Run
from ml.training.regression_head import OutOfFold
from ml.utils.files import explain_os_error, sha256_of, write_json


def finalise(
    run: Run,
    network: Network,
    pictures: Pictures,
    *,
    features: Kept | None = None,
    out_of_fold: OutOfFold | None = None,
    progress: Progress,
    cache: Path | None,
) -> dict[str, dict[str, float]]:
    """Make the classifier of ``run`` out of ``network``, which holds the best weights.

    Writes ``predictions.npz`` and ``report.json`` for the test pictures, then puts ``model/`` into
    place as a whole: ``model.onnx``, ``weights.pt``, ``learned.npz`` (see
    ``ml.inference.ood_reference``) and, written last, ``model.json``.

    Args:
        network: moved to the CPU and into evaluation mode.
        features: gives those (N, F) of a split's pictures that are kept already; without it all
            pictures go through the exported file.
        out_of_fold: answers for training and validation pictures by heads that had not seen them;
            calibration, threshold and OOD limit then rest on these. Without it they rest on the
            validation pictures.
        progress: is told the phase, export or evaluate, and the share of it that is done.
        cache: a folder where traced graphs may be kept between runs.

    Returns:
        For ``validation`` and ``test``: every metric of ``ml.metrics.entries`` by name.

    Raises:
        DivergedError: the network answers with what is not a number.
        WorkspaceError: the disk is full or cannot be written to.
    """
    started = time.perf_counter()
    staged = _stage(run.folder)
    labels = {split: pictures.labels(split) for split in ("train", "val", "test")}
    about = {"classes": list(pictures.classes), "model": run.config.model, "run": run.id}
    path = staged / "model.onnx"
    shipped = ship(network, pictures, path, about, features, progress, cache)
    test, val = shipped.test, shipped.val
    if not (np.isfinite(val).all() and np.isfinite(test).all()):
        raise DivergedError(
            "The model's answers are not numbers: training went astray. Retry with a lower "
            "learning rate."
        )
    judged, judged_labels = val, labels["val"]
    if out_of_fold is not None:
        judged, judged_labels = out_of_fold.logits, pictures.version.labels[out_of_fold.items]
    manifest = _manifest(run, network, pictures, judged, judged_labels)
    manifest["calibrated_on"] = "out of fold" if out_of_fold else "validation"
    manifest["parity"] = parity.compare(
        test[shipped.rows], shipped.by_torch, manifest["temperature"]
    )
    if out_of_fold is not None and features is not None:
        known, manifest["unlike"] = ood_reference.fit_out_of_fold(
            features("pool"), out_of_fold.items, judged_labels, out_of_fold.folds, judged
        )
    else:
        rows = shipped.train
        known, manifest["unlike"] = ood_reference.fit(
            *(shipped.train_features, pictures.indices("train")[rows], labels["train"][rows]),
            *(shipped.val_features, val),
        )
    if known is not None:
        ood_reference.save(known, staged / ood_reference.FILE)
    save_weights(network, staged / "weights.pt")
    manifest["sha256"] = {path.name: sha256_of(path) for path in sorted(staged.iterdir())}
    manifest[CHECKSUM] = checksum_of(manifest)
    write_json(staged / "model.json", manifest)

    report = make_report(test, labels["test"], labels["train"], "test", manifest)
    answers = LabelledLogits(test, labels["test"], pictures.groups("test"))
    report = with_groups(report, answers, manifest["temperature"])
    report |= {"dataset": pictures.version.name, "fingerprint": pictures.version.fingerprint}
    report["version"] = pictures.version.version
    report["centroid"] = nearest_centroid(pictures, "test")
    Predictions(
        pictures.indices("test"),
        labels["test"],
        test,
        tuple(pictures.hashes("test")),
        answers.groups,
    ).save(run.folder / predictions.FILE)
    write_json(run.folder / "report.json", report | {"seconds": time.perf_counter() - started})
    _put_into_place(staged, run.folder / "model")
    progress("evaluate", 1.0)
    return {
        "validation": metric_values(judged, judged_labels),
        "test": metric_values(test, labels["test"]),
    }


def _manifest(
    run: Run, network: Network, pictures: Pictures, logits: Logits, labels: np.ndarray
) -> dict[str, Any]:
    """``model.json``, but for parity and hashes. ``logits`` (n, K) with ``labels`` (n,) are answers
    for pictures that taught nothing; calibration and threshold rest on them."""
    licence = model_catalog.get(run.config.model).licence
    temperature = calibration.choose_temperature(logits, labels)
    chances = calibration.softmax(logits, temperature)
    rule = selective.choose_threshold(chances, labels)
    return {
        "version": MODEL_VERSION,
        "run": run.id,
        "model": run.config.model,
        "classes": list(pictures.classes),
        "pixels": pictures.spec.to_json(),
        "input": {"name": "pictures", "type": "uint8", "layout": "NHWC"},
        "outputs": list(network.outputs),
        "temperature": temperature,
        "threshold": rule.threshold,
        "threshold_rule": selective.RULE,
        "answers": selective.count(chances, labels, rule),
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
