"""Measure a trained classifier anew, on its own pictures or on those of any other data set.

What is measured is the exported file, by ONNX Runtime: the very file that is shipped.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.calibration import softmax
from ml.centroid import nearest_centroid
from ml.data import catalog
from ml.data.pictures import Pictures, open_pictures
from ml.data.store import SPLITS, load_version
from ml.errors import BadInputError
from ml.files import write_json
from ml.predict import Classifier
from ml.report import make_report, note
from ml.results import Results
from ml.runs import Run
from ml.workspace import Workspace

Progress = Callable[[float], None]


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
    """The EvaluationReport of ``run``, counted from its exported file and the pictures, with the
    answer to each picture.

    Args:
        dataset: other pictures than the run's own; classes are matched by name, and pictures of
            classes that the model does not know are left out, with a note.
        split: train, val, test or all; by default test of the run's own pictures, all of others.
        progress: is told the share that is done, 0 to 1.

    The run's own test report stands in ``report.json`` and is not written again. Every other is
    kept in ``reports/<fingerprint>-<split>.json``.

    Raises:
        BadInputError: no model, no such data set, no such split, or no class in common.
    """
    started = time.perf_counter()
    if split not in (None, "all", *SPLITS):
        raise BadInputError(f"A split is one of {', '.join(SPLITS)} or all, not {split}.")
    classifier = Classifier.load(run.folder / "model")
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
        record = catalog.whole_record(version) if whole else catalog.run_record(version, seed)
    pictures = open_pictures(workspace, record, classifier.spec)

    number = {name: place for place, name in enumerate(classifier.classes)}
    known = np.array([number.get(name, -1) for name in pictures.classes], np.int64)
    labels = known[pictures.labels(chosen)]
    taken = labels >= 0
    if not taken.any():
        raise BadInputError(
            f"No {'' if chosen == 'all' else chosen + ' '}picture of {pictures.version.name} is of "
            f"a class that the model knows. It knows {', '.join(classifier.classes)}."
        )
    logits = classifier.logits(pictures.pixels(chosen), progress)[taken]
    guesser = known[pictures.labels("train")] if own else labels[taken]
    found = make_report(logits, labels[taken], guesser, chosen, classifier.manifest)
    found |= {"dataset": record["name"], "fingerprint": record["fingerprint"]}
    found["version"] = record["version"]
    if own:  # of other sets nothing was seen whose means could be taken
        found["centroid"] = nearest_centroid(pictures, chosen)
    if not taken.all():
        strange = ", ".join(name for name in pictures.classes if name not in number)
        found["notes"].append(
            note(
                f"{np.sum(~taken)} pictures were left out, because the model does not know their "
                f"classes: {strange}.",
                "unknown_classes",
            )
        )
    found["notes"] += _seen_in_training(workspace, run, pictures, chosen)
    if own and chosen == "test" and (folds := (run.report or {}).get("folds")):
        found["folds"] = folds  # of the run itself, and not measured again
    found["seconds"] = time.perf_counter() - started
    if not (own and chosen == "test"):
        (run.folder / "reports").mkdir(exist_ok=True)
        write_json(run.folder / "reports" / f"{record['fingerprint']}-{chosen}.json", found)
    return Results(
        found,
        tuple(classifier.classes),
        labels[taken],
        logits.argmax(axis=1),
        softmax(logits, classifier.manifest["temperature"]),
        _taken(pictures.hashes(chosen), taken),
        _taken(pictures.files(chosen), taken),
        float(classifier.manifest["threshold"]),
    )


def _taken(names: list[str], taken: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, wanted in zip(names, taken, strict=True) if wanted)


def _seen_in_training(
    workspace: Workspace, run: Run, pictures: Pictures, split: str
) -> list[dict[str, str]]:
    """A warning where the model was trained on some of these pictures: it may remember them."""
    record = run.dataset
    try:
        version = load_version(workspace, record["name"], record["version"])
    except BadInputError:  # the run's own data set is gone: nothing can be told
        return []
    trained = {version.items[n].hash for n in record["splits"]["train"]}
    seen = sum(digest in trained for digest in pictures.hashes(split))
    if not seen:
        return []
    text = (
        f"{seen} of these {len(pictures.hashes(split))} pictures were used to train the model, so "
        "it looks better on them than it would on new ones."
    )
    return [note(text, "seen_in_training")]
