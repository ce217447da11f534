"""Measure a trained classifier anew, on its own pictures or on those of any other data set.

What is measured is the exported file, by ONNX Runtime: the very file that is shipped.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data import catalog
from ml.data.run_pictures import open_pictures
from ml.data.store.versions import SPLITS, load_version
from ml.errors import BadInputError
from ml.evaluation import stored_reports
from ml.evaluation.results import Results, made
from ml.inference.classifier import Classifier
from ml.metrics.baselines import nearest_centroid
from ml.metrics.predictions import Predictions
from ml.metrics.report import make_report, note
from ml.runs.folder import Run
from ml.utils.files import write_json
from ml.workspace import Workspace

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Asked:
    """Which pictures a run is measured on: the ``split`` of what ``record`` names (of
    ``catalog.run_record``); ``own`` where that is the run's own data."""

    record: dict[str, Any]
    own: bool
    split: str


def evaluate(
    workspace: Workspace,
    run: Run,
    dataset: str | None = None,
    split: str | None = None,
    progress: Progress = lambda fraction: None,
) -> dict[str, Any]:
    """The EvaluationReport that ``examine`` finds, without the answers that it was counted from."""
    return examine(workspace, run, dataset, split, progress).report


def examine(
    workspace: Workspace,
    run: Run,
    dataset: str | None = None,
    split: str | None = None,
    progress: Progress = lambda fraction: None,
) -> Results:
    """``measure`` of the pictures that ``ask`` finds meant."""
    return measure(workspace, run, ask(workspace, run, dataset, split), progress)


def ask(
    workspace: Workspace, run: Run, dataset: str | None = None, split: str | None = None
) -> Asked:
    """Which pictures are meant.

    Args:
        dataset: other pictures than the run's own.
        split: train, val, test or all; by default test of the run's own pictures, all of others.

    Raises:
        BadInputError: no such data set, no such split, or the run's own pictures are not known.
    """
    if split not in (None, "all", *SPLITS):
        raise BadInputError(f"A split is one of {', '.join(SPLITS)} or all, not {split}.")
    record = run.dataset
    if "fingerprint" not in record:
        raise BadInputError(
            f"{run.folder / 'dataset.json'} is missing or damaged, so nobody knows which pictures "
            "the model was trained on. Restore it from a backup, or train again."
        )
    version = catalog.resolve(workspace, dataset) if dataset is not None else None
    own = version is None or version.fingerprint == record["fingerprint"]
    chosen = split or ("test" if own else "all")
    if version is not None and not own:
        seed = run.config.split_seed
        whole = chosen == "all"  # of any set, of one class too
        record = catalog.unsplit_record(version) if whole else catalog.run_record(version, seed)
    return Asked(record, own, chosen)


def measure(
    workspace: Workspace,
    run: Run,
    asked: Asked,
    progress: Progress = lambda fraction: None,
) -> Results:
    """The EvaluationReport of ``run``, counted from its exported file and the pictures, with the
    answer to each picture.

    Classes are matched by name. Pictures of classes that the model does not know are left out, with
    a note. The run's own test report stands in ``report.json`` and is not written again. Every
    other is kept in ``reports/<fingerprint>-<split>.json``, its predictions beside it.

    Args:
        progress: is told the share that is done, 0 to 1.

    Raises:
        BadInputError: there is no model, the pictures are gone, or none is of a class it knows.
    """
    started = time.perf_counter()
    record, own, chosen = asked.record, asked.own, asked.split
    classifier = Classifier.load(run.folder / "model")
    pictures = open_pictures(workspace, record, classifier.spec)
    known = classes_of(classifier.classes, pictures.classes)
    labels = known[pictures.labels(chosen)]
    taken = labels >= 0
    if not taken.any():
        raise BadInputError(
            f"No {'' if chosen == 'all' else chosen + ' '}picture of {pictures.version.name} is of "
            f"a class that the model knows. It knows {', '.join(classifier.classes)}."
        )
    logits = classifier.logits(pictures.pixels(chosen), progress)[taken]
    guesser = known[pictures.labels("train")] if own else labels[taken]
    report = make_report(logits, labels[taken], guesser, chosen, classifier.manifest)
    report |= {"dataset": record["name"], "fingerprint": record["fingerprint"]}
    report["version"] = record["version"]
    if own:  # of other sets nothing was seen whose means could be taken
        report["centroid"] = nearest_centroid(pictures, chosen)
    if not taken.all():
        strange = ", ".join(
            name for name, label in zip(pictures.classes, known, strict=True) if label < 0
        )
        left = int(np.sum(~taken))
        one = "picture was left out, because the model does not know its class"
        many = "pictures were left out, because the model does not know their classes"
        text = f"{left} {one if left == 1 else many}: {strange}."
        report["notes"].append(note(text, "unknown_classes"))
    hashes = tuple(np.array(pictures.hashes(chosen), dtype="U64")[taken].tolist())
    report["notes"] += _seen_in_training(workspace, run, hashes)
    if own and chosen == "test" and (folds := (run.report or {}).get("folds")):
        report["folds"] = folds  # of the run itself, and not measured again
    report["seconds"] = time.perf_counter() - started
    answers = Predictions(pictures.indices(chosen)[taken], labels[taken], logits, hashes)
    if not (own and chosen == "test"):
        report["model_sha256"] = classifier.manifest["sha256"]["model.onnx"]
        path = stored_reports.path_of(run, record["fingerprint"], chosen)
        path.parent.mkdir(exist_ok=True)
        answers.save(path.with_suffix(".npz"))
        write_json(path, report)
    return made(
        report,
        answers,
        classifier.manifest,
        record,
        tuple(np.array(pictures.files(chosen), dtype=object)[taken].tolist()),
        f"{run.id}-{record['fingerprint'][:12]}-{chosen}",
        own and chosen == "test",
    )


def classes_of(model: Sequence[str], pictures: Sequence[str]) -> npt.NDArray[np.int64]:
    """The model's number of each class of a data set, by its name: -1 where it knows none such."""
    number = {name: place for place, name in enumerate(model)}
    return np.array([number.get(name, -1) for name in pictures], np.int64)


def _seen_in_training(
    workspace: Workspace, run: Run, hashes: Sequence[str]
) -> list[dict[str, str]]:
    """A warning where the model was trained on some of these pictures: it may remember them."""
    record = run.dataset
    try:
        version = load_version(workspace, record["name"], record["version"])
    except BadInputError:  # the run's own data set is gone: nothing can be told
        return []
    trained = {version.items[n].hash for n in record["splits"]["train"]}
    seen = sum(digest in trained for digest in hashes)
    if not seen:
        return []
    text = (
        f"{seen} of these {len(hashes)} pictures were used to train the model, so "
        "it looks better on them than it would on new ones."
    )
    return [note(text, "seen_in_training")]
