"""Evaluation of a trained classifier on its own pictures or on those of another data set.

What is measured is the exported file, by ONNX Runtime: the very file that is shipped.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data import catalog
from ml.data.run_pictures import Pictures, open_pictures
from ml.data.splits.groups import group_ids
from ml.data.store.versions import SPLITS, load_version
from ml.errors import BadInputError
from ml.evaluation import stored_reports
from ml.evaluation.results import Results, make_results
from ml.inference.classifier import Classifier
from ml.metrics.baselines import nearest_centroid
from ml.metrics.predictions import Predictions
from ml.metrics.registry import LabelledLogits
from ml.metrics.report import make_report, note, with_groups
from ml.runs.folder import Run
from ml.utils.files import write_json
from ml.workspace import Workspace

Progress = Callable[[float], None]


@dataclass(frozen=True)
class PictureSelection:
    """Which pictures a run is measured on: the ``split`` of what ``record`` names (of
    ``catalog.run_record``); ``own`` where that is the run's own data."""

    record: dict[str, Any]
    own: bool
    split: str

    @property
    def is_own_test(self) -> bool:
        """Whether these are the test pictures of the run itself."""
        return self.own and self.split == "test"


def evaluate(
    workspace: Workspace,
    run: Run,
    dataset: str | None = None,
    split: str | None = None,
    progress: Progress = lambda fraction: None,
) -> dict[str, Any]:
    """The EvaluationReport that ``evaluate_results`` finds, without the answers that it was counted
    from."""
    return evaluate_results(workspace, run, dataset, split, progress).report


def evaluate_results(
    workspace: Workspace,
    run: Run,
    dataset: str | None = None,
    split: str | None = None,
    progress: Progress = lambda fraction: None,
) -> Results:
    """``measure`` of the pictures that ``select_pictures`` finds meant."""
    return measure(workspace, run, select_pictures(workspace, run, dataset, split), progress)


def select_pictures(
    workspace: Workspace, run: Run, dataset: str | None = None, split: str | None = None
) -> PictureSelection:
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
    chosen_split = split or ("test" if own else "all")
    if version is not None and not own:
        seed = run.config.split_seed
        every_class = chosen_split == "all"  # of any set, of one class too
        record = (
            catalog.unsplit_record(version) if every_class else catalog.run_record(version, seed)
        )
    return PictureSelection(record, own, chosen_split)


def measure(
    workspace: Workspace,
    run: Run,
    selection: PictureSelection,
    progress: Progress = lambda fraction: None,
) -> Results:
    """The EvaluationReport of ``run``, counted from its exported file and the pictures, with the
    prediction for each picture.

    Classes are matched by name. Pictures of classes that the model does not know are left out, with
    a note. The run's own test report stands in ``report.json`` and is not written again. Every
    other is kept in ``reports/<fingerprint>-<split>.json``, its predictions beside it.

    Args:
        progress: is told the share that is done, 0 to 1.

    Raises:
        BadInputError: there is no model, the pictures are gone, or none is of a class it knows.
    """
    started = time.perf_counter()
    record, split = selection.record, selection.split
    classifier = Classifier.load(run.folder / "model")
    pictures = open_pictures(workspace, record, classifier.spec)
    label_of_class = class_indices(classifier.classes, pictures.classes)
    labels = label_of_class[pictures.labels(split)]
    in_known_class = labels >= 0
    if not in_known_class.any():
        raise _no_known_class(classifier, pictures, split)
    predictions = _predict(classifier, pictures, split, labels, progress)
    baseline_labels = label_of_class[pictures.labels("train")] if selection.own else None
    report = _report(classifier, pictures, selection, predictions, baseline_labels)
    if not in_known_class.all():
        report["notes"].append(_left_out_note(pictures, label_of_class, in_known_class))
    report["notes"] += _seen_in_training(workspace, run, predictions.hashes)
    if selection.is_own_test and (folds := (run.report or {}).get("folds")):
        report["folds"] = folds  # of the run itself, and not measured again
    report["seconds"] = time.perf_counter() - started
    if not selection.is_own_test:
        _store(run, selection, report, predictions, classifier)
    return make_results(
        report,
        predictions,
        classifier.manifest,
        record,
        tuple(np.array(pictures.files(split), dtype=object)[in_known_class].tolist()),
        f"{run.id}-{record['fingerprint'][:12]}-{split}",
        selection.is_own_test,
    )


def _no_known_class(classifier: Classifier, pictures: Pictures, split: str) -> BadInputError:
    return BadInputError(
        f"No {'' if split == 'all' else split + ' '}picture of {pictures.version.name} is of "
        f"a class that the model knows. It knows {', '.join(classifier.classes)}."
    )


def _predict(
    classifier: Classifier,
    pictures: Pictures,
    split: str,
    labels: npt.NDArray[np.int64],
    progress: Progress,
) -> Predictions:
    """The predictions for the pictures of a split whose label (n,) is not negative."""
    chosen = labels >= 0
    logits = classifier.logits(pictures.pixels(split), progress)[chosen]
    hashes = tuple(np.array(pictures.hashes(split), dtype="U64")[chosen].tolist())
    items = pictures.indices(split)[chosen]
    groups = group_ids(pictures.version.items, items)
    return Predictions(items, labels[chosen], logits, hashes, groups)


def _report(
    classifier: Classifier,
    pictures: Pictures,
    selection: PictureSelection,
    predictions: Predictions,
    baseline_labels: npt.NDArray[np.int64] | None,
) -> dict[str, Any]:
    """The report with its data set and baselines; without ``baseline_labels`` (the run's own
    training labels) the majority class is that of the measured pictures."""
    labels = predictions.labels
    report = make_report(
        predictions.logits,
        labels,
        labels if baseline_labels is None else baseline_labels,
        selection.split,
        classifier.manifest,
    )
    answers = LabelledLogits(predictions.logits, labels, predictions.groups)
    report = with_groups(report, answers, classifier.manifest["temperature"])
    record = selection.record
    report |= {"dataset": record["name"], "fingerprint": record["fingerprint"]}
    report["version"] = record["version"]
    if selection.own:  # other sets have no training pictures to take the class means of
        report["centroid"] = nearest_centroid(pictures, selection.split)
    return report


def _left_out_note(
    pictures: Pictures, label_of_class: npt.NDArray[np.int64], in_known_class: npt.NDArray[np.bool_]
) -> dict[str, str]:
    """The note on pictures of classes that the model does not know."""
    unknown = ", ".join(
        name for name, label in zip(pictures.classes, label_of_class, strict=True) if label < 0
    )
    left_out = int(np.sum(~in_known_class))
    one = "picture was left out, because the model does not know its class"
    many = "pictures were left out, because the model does not know their classes"
    text = f"{left_out} {one if left_out == 1 else many}: {unknown}."
    return note(text, "unknown_classes")


def _store(
    run: Run,
    selection: PictureSelection,
    report: dict[str, Any],
    predictions: Predictions,
    classifier: Classifier,
) -> None:
    """Write the report on other pictures than the run's own test pictures, and its predictions."""
    report["model_sha256"] = classifier.manifest["sha256"]["model.onnx"]
    path = stored_reports.path_of(run, selection.record["fingerprint"], selection.split)
    path.parent.mkdir(exist_ok=True)
    predictions.save(path.with_suffix(".npz"))
    write_json(path, report)


def class_indices(model: Sequence[str], pictures: Sequence[str]) -> npt.NDArray[np.int64]:
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
    training_hashes = {version.items[n].hash for n in record["splits"]["train"]}
    trained_on = sum(digest in training_hashes for digest in hashes)
    if not trained_on:
        return []
    text = (
        f"{trained_on} of these {len(hashes)} pictures were used to train the model, so "
        "it looks better on them than it would on new ones."
    )
    return [note(text, "seen_in_training")]
