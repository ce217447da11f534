"""Makes workspaces with data sets and runs as training leaves them, without training anything."""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from ml.config import TrainConfig
from ml.data.store.versions import DatasetVersion, Item, write_picture, write_version
from ml.metrics.calibration import calibration_bins, softmax
from ml.metrics.classification import accuracy_interval, class_scores, confusion, recall_intervals
from ml.runs import folder as runs
from ml.runs.events import EpochEnd, EventLog, RunEnded, RunStarted
from ml.runs.folder import Run
from ml.utils.files import sha256_of, write_json
from ml.workspace import Workspace, open_workspace

CLASSES = ("glass", "metal", "paper")


@dataclass(frozen=True)
class Truth:
    """What a fabricated run predicted: n test pictures of K classes."""

    labels: np.ndarray
    logits: np.ndarray


def picture(seed: int, side: int = 48) -> bytes:
    """A PNG that differs for each seed."""
    random = np.random.default_rng(seed)
    pixels = np.full((side, side, 3), random.integers(30, 225, 3), np.uint8)
    pixels[side // 4 : side // 2, side // 4 : side // 2] = random.integers(0, 255, 3)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def dataset(
    workspace: Workspace,
    classes: tuple[str, ...] = CLASSES,
    each: int = 10,
    name: str = "made",
    side: int = 48,
) -> DatasetVersion:
    """A data set in the store: ``each`` pictures of every class, in the order of the classes.

    Its facts say ``side`` px: below 32 a small network is trained whole by default.
    """
    items = tuple(
        Item(
            write_picture(workspace, picture(1000 * label + index)),
            label,
            file=f"{label}-{index}.png",
        )
        for label in range(len(classes))
        for index in range(each)
    )
    about = {"width": side, "height": side, "colour": True, "bytes": 1}
    return write_version(workspace, name, classes, items, about)


def predictions(version: DatasetVersion, seed: int = 0, wrong: float = 0.25) -> Truth:
    """Predictions for every picture of the version, a share ``wrong`` of them mistaken."""
    random = np.random.default_rng(seed)
    labels = version.labels
    kinds = len(version.classes)
    logits = random.normal(0, 1, (len(labels), kinds))
    guesses = labels.copy()
    missed = random.random(len(labels)) < wrong
    guesses[missed] = (labels[missed] + random.integers(1, max(2, kinds), missed.sum())) % kinds
    logits[np.arange(len(labels)), guesses] += 4 + random.random(len(labels))
    return Truth(labels, logits.astype(np.float32))


def queued(
    workspace: Workspace,
    version: DatasetVersion,
    name: str = "",
    *,
    claimed: bool = False,
    **settings: Any,
) -> Run:
    """A run that waits: all pictures of the version are its test pictures. With ``claimed`` this
    process is its worker, and no server of the workspace ever sees it waiting."""
    everything = list(range(len(version.items)))
    record = {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "split_seed": 0,
        "classes": list(version.classes),
        "about": version.about,
        "counts": {"train": 0, "val": 0, "test": len(everything)},
        "splits": {"train": [], "val": [], "test": everything},
    }
    config = TrainConfig(dataset=version.name, **{"model": "small_cnn", "epochs": 3} | settings)
    return runs.create(workspace, config, record, name=name, claimed=claimed)


def finished(
    workspace: Workspace,
    version: DatasetVersion,
    truth: Truth | None = None,
    name: str = "",
    outcome: str = "finished",
    reason: str = "",
    validation: dict[str, float] | None = None,
    **settings: Any,
) -> Run:
    """A run that is over, with a report and the manifest of a model; ``validation`` are its metrics
    on the validation pictures."""
    run = queued(workspace, version, name, claimed=True, **settings)
    _worked(run, outcome, reason, validation)
    report(run, version, truth or predictions(version))
    return run


def ended_without_model(
    workspace: Workspace, version: DatasetVersion, outcome: str, reason: str, name: str = ""
) -> Run:
    """A run that is over and left nothing to test."""
    run = queued(workspace, version, name, claimed=True)
    _worked(run, outcome, reason)
    return run


def interrupted(workspace: Workspace, version: DatasetVersion, name: str = "") -> Run:
    """A run whose worker is gone without a word."""
    run = queued(workspace, version, name, claimed=True)
    _worked(run, None, "")
    return run


def working(workspace: Workspace, version: DatasetVersion, name: str = "") -> Run:
    """A run that is being trained on another computer, whose clock is ten minutes ahead: so it
    goes on beating for as long as a test may take."""
    run = queued(workspace, version, name, claimed=True)
    _claimed(run)
    log = EventLog(run.folder / "events.jsonl")
    config = run.config
    log(RunStarted(config.model, config.dataset, config.epochs, 5, time=time.time() + 600))
    log.close()
    return run


def end(run: Run) -> None:
    """Let a run end that ``working`` made."""
    log = EventLog(run.folder / "events.jsonl")
    log(RunEnded("finished", epochs=run.config.epochs, seconds=12.0))
    log.close()


def _claimed(run: Run) -> None:
    worker = {"pid": 2**22 + 1, "started": 1.0, "host": "another", "claimed": 1.0, "command": []}
    write_json(run.folder / "worker.json", worker)


def _worked(
    run: Run, outcome: str | None, reason: str, validation: dict[str, float] | None = None
) -> None:
    _claimed(run)
    log = EventLog(run.folder / "events.jsonl")
    began = time.time() - 3600
    config = run.config
    log(RunStarted(config.model, config.dataset, config.epochs, 5, time=began))
    for epoch in range(1, config.epochs + 1):
        figures = (1.2 / epoch, 1 - 0.5 / epoch, 1.3 / epoch, 1 - 0.6 / epoch)
        log(EpochEnd(epoch, 5 * epoch, *figures, time=began + 20 * epoch))
    if outcome:
        figures = {"epochs": config.epochs, "seconds": 75.0, "time": began + 75}
        log(RunEnded(outcome, reason, validation=validation or {}, **figures))
    log.close()


def report(run: Run, version: DatasetVersion, truth: Truth, threshold: float = 0.6) -> None:
    """Write report, predictions and the manifest of the model, as the end of a run does."""
    probabilities = softmax(truth.logits)
    guesses = truth.logits.argmax(axis=1)
    matrix = confusion(truth.labels, guesses, len(version.classes))
    scores, intervals = class_scores(matrix), recall_intervals(matrix)
    ece, bins = calibration_bins(probabilities, truth.labels)
    accuracy = float(np.mean(guesses == truth.labels))
    around = list(accuracy_interval(matrix))
    content = {
        "split": "test",
        "pictures": len(truth.labels),
        "accuracy": accuracy,
        "balanced_accuracy": float(scores.recall.mean()),
        "macro_f1": float(scores.f1.mean()),
        "loss": 0.5,
        "classes": list(version.classes),
        "confusion": matrix.tolist(),
        "per_class": [
            {
                "class": version.classes[label],
                "precision": float(scores.precision[label]),
                "recall": float(scores.recall[label]),
                "f1": float(scores.f1[label]),
                "support": int(scores.support[label]),
                "recall_interval": list(intervals[label]),
            }
            for label in range(len(version.classes))
        ],
        "calibration": {"ece": ece, "temperature": 1.0, "bins": bins},
        "intervals": {"accuracy": around, "balanced_accuracy": around, "macro_f1": around},
        "majority": {
            "class": version.classes[0],
            "accuracy": float(np.mean(truth.labels == 0)),
        },
        "fingerprint": version.fingerprint,
        "model": run.config.model,
        "run": run.id,
        "seconds": 1.0,
    }
    write_json(run.folder / "report.json", content)
    np.savez(
        run.folder / "predictions.npz",
        indices=np.arange(len(truth.labels)),
        labels=truth.labels,
        logits=truth.logits.astype(np.float32),
        hashes=np.array([item.hash for item in version.items], dtype="U64"),
    )
    (run.folder / "model").mkdir(exist_ok=True)
    manifest = {
        "version": 1,
        "run": run.id,
        "model": run.config.model,
        "classes": list(version.classes),
        "pixels": {"size": 32, "colour": "rgb", "fit": "crop"},
        "temperature": 1.0,
        "threshold": threshold,
        "parity": {"images": 30, "top1_agreement": 1.0, "max_probability_difference": 1e-6},
        "sha256": {},
    }
    write_json(run.folder / "model" / "model.json", manifest)


def workspace(root: Path) -> Workspace:
    """An empty workspace in ``root``."""
    return open_workspace(root)


COLOURS = ("red", "green", "blue")


def solid(label: int, seed: int = 0) -> bytes:
    """A PNG of one of ``COLOURS``, a little different for each seed."""
    pixels = np.full((40, 40, 3), seed % 40, np.uint8)
    pixels[..., label] = 215 + seed % 40
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def colours(workspace: Workspace, name: str = "") -> Run:
    """A finished run with a model that works: it names the strongest of red, green and blue."""
    items = tuple(
        Item(
            write_picture(workspace, solid(label, seed)), label, file=f"{COLOURS[label]}-{seed}.png"
        )
        for label, kind in enumerate(COLOURS)
        for seed in range(4)
    )
    about = {"width": 40, "height": 40, "colour": True, "bytes": 1}
    version = write_version(workspace, "colours", COLOURS, items, about)
    truth = Truth(version.labels, np.eye(3, dtype=np.float32)[version.labels] * 5)
    run = finished(workspace, version, truth, name)
    _write_model(run)
    return run


def _write_model(run: Run) -> None:
    """An ONNX file whose logits are the means of the three channels, over 20."""
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 32, 32, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Div", ["means", "twenty"], ["logits"]),
    ]
    twenty = helper.make_tensor("twenty", TensorProto.FLOAT, [], [20.0])
    graph = helper.make_graph(nodes, "colours", [pictures], [logits], [twenty])
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    path = run.folder / "model" / "model.onnx"
    path.write_bytes(model.SerializeToString())
    manifest = {**(run.model or {}), "sha256": {"model.onnx": sha256_of(path)}}
    write_json(run.folder / "model" / "model.json", manifest)
