"""Results: the predictions of a classifier for labelled pictures, picture by picture, with their
report.

Training writes ``report.json``, ``predictions.npz`` and ``model/model.json``; this module reads
them and checks that they fit together. Light: numpy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.splits.groups import group_ids
from ml.data.store.item_arrays import files_of
from ml.data.store.picture_key import PictureKey
from ml.data.store.versions import load_version
from ml.errors import BadInputError, MLError
from ml.evaluation import stored_reports
from ml.metrics import predictions
from ml.metrics.calibration import is_sure, softmax
from ml.metrics.classification import Interval, share_interval
from ml.metrics.predictions import Predictions
from ml.metrics.registry import LabelledLogits
from ml.metrics.report import with_groups
from ml.runs.folder import Run
from ml.workspace import Workspace

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

REQUIRED = ("accuracy", "balanced_accuracy", "macro_f1", "classes", "confusion", "per_class")
"""What a report has had since the first Lensmith; metrics that came later may be absent."""
MAX_CONFUSED_CLASSES = 20
"""How many classes a matrix shows at first where there are too many for one look."""


@dataclass(frozen=True)
class Results:
    """A run's report with the n test pictures behind it; probabilities are calibrated.

    ``labels`` and ``guesses`` (n,) are class indices, ``probabilities`` (n, K), ``hashes`` and
    ``files`` (n,) name the pictures. ``threshold`` is the probability below which the model says
    that it is not sure; at 1 it never is sure. ``dataset`` and ``version`` name the set, in which
    ``indices`` (n,) are the places of the pictures. ``own`` says that they are the run's own test
    pictures, and ``key`` tells these results from all others. ``groups`` (n,) are the numbers of
    their groups, None where each is its own; the intervals of the report allow for them.
    """

    report: dict[str, Any]
    classes: tuple[str, ...]
    labels: Integers
    guesses: Integers
    probabilities: Floats
    hashes: tuple[str, ...]
    files: tuple[str, ...]
    threshold: float
    indices: Integers
    key: str
    dataset: str
    version: int | None
    own: bool
    groups: Integers | None = None

    @property
    def fingerprint(self) -> str:
        """Of the version of the data set."""
        return str(self.report.get("fingerprint"))

    @property
    def split(self) -> str:
        """Which pictures of the set: train, val, test or all."""
        return str(self.report.get("split") or "test")

    def picture(self, place: int) -> PictureKey:
        """The key of the picture at that place."""
        return PictureKey(self.hashes[place], self.files[place])

    @cached_property
    def confidence(self) -> Floats:
        """The probability of each picture's guess, (n,); counted once, as every tile asks."""
        confidence = np.asarray(self.probabilities.max(axis=1), dtype=np.float64)
        confidence.setflags(write=False)
        return confidence

    @property
    def sure(self) -> npt.NDArray[np.bool_]:
        """Of which pictures' guesses the model says that it is sure, (n,)."""
        return np.asarray(is_sure(self.confidence, self.threshold), dtype=bool)

    def share_interval(self, chosen: npt.NDArray[np.bool_], right: npt.NDArray[Any]) -> Interval:
        """The 95 % interval of the share of the ``chosen`` pictures that are ``right``, by their
        groups; both (n,)."""
        return share_interval(right, self.groups, chosen)

    def where(self, truth: int | None = None, guess: int | None = None) -> Integers:
        """The pictures of class ``truth`` that were taken for ``guess``; None is any class.

        The most confident come first.
        """
        chosen = np.ones(len(self.labels), dtype=bool)
        if truth is not None:
            chosen &= self.labels == truth
        if guess is not None:
            chosen &= self.guesses == guess
        return self._by_confidence(chosen)

    def mistakes(self) -> Integers:
        """The pictures that were taken for another class, the most confident first."""
        return self._by_confidence(self.labels != self.guesses)

    def confusions(self, limit: int) -> list[tuple[int, int, int]]:
        """The most frequent mistakes as (truth, guess, pictures), the most frequent first."""
        counts = np.array(self.report["confusion"], dtype=np.int64)
        np.fill_diagonal(counts, 0)
        order = np.argsort(-counts, axis=None, kind="stable")[:limit]
        pairs = (divmod(int(place), len(self.classes)) for place in order)
        return [
            (row, column, int(counts[row, column])) for row, column in pairs if counts[row, column]
        ]

    def examples(self, limit: int) -> Integers:
        """A few pictures, one of each class in turn, always the same ones."""
        rounds: list[tuple[int, int]] = []
        seen: dict[int, int] = {}
        for place, label in enumerate(self.labels.tolist()):
            seen[label] = seen.get(label, -1) + 1
            rounds.append((seen[label], place))
        return np.array([place for _, place in sorted(rounds)[:limit]], dtype=np.int64)

    def _by_confidence(self, chosen: npt.NDArray[np.bool_]) -> Integers:
        places = np.flatnonzero(chosen)
        return places[np.argsort(-self.confidence[places], kind="stable")]


def read(workspace: Workspace, run: Run, other: tuple[str, str] | None = None) -> Results:
    """The results of ``run``, which has a report.

    Args:
        other: fingerprint and split of other pictures that it was measured on; by default its own
            test pictures.

    Raises:
        BadInputError: a file is missing or damaged, or they do not fit together.
    """
    own = "Resume the run for an epoch to write them again."
    mend = "Measure again to write them anew." if other else own
    damaged = BadInputError(f"The results of {run.name} are damaged. {mend}")
    path = stored_reports.path_of(run, *other).with_suffix(".npz") if other else None
    report = stored_reports.report_of(run, *other) if other else run.report
    if not isinstance(report, dict) or not all(name in report for name in REQUIRED):
        raise damaged
    model = run.model or {}
    try:
        answers = predictions.load(path or run.folder / predictions.FILE)
        shapes = np.array(report["confusion"], dtype=np.int64).shape
        temperature = float(model.get("temperature", 1.0))
        float(model.get("threshold", 0.0))
    except (MLError, ValueError, TypeError) as error:
        raise damaged from error
    kinds = len(report["classes"])
    if (answers.logits.shape[1], *shapes) != (kinds,) * 3 or not kinds or temperature <= 0:
        raise damaged
    record = run.dataset
    if other:
        record = {"name": report.get("dataset"), "version": report.get("version")}
    files = _file_names(workspace, record, answers.indices)
    if answers.groups is None:
        answers = replace(answers, groups=picture_groups(workspace, record, answers.indices))
    report = _with_groups(report, answers, temperature)
    key = f"{run.id}-{other[0][:12]}-{other[1]}" if other else run.id
    return make_results(report, answers, model, record, files, key, other is None)


def own_report(run: Run) -> dict[str, Any] | None:
    """The report of ``run`` on its test pictures, with intervals that allow for their groups also
    where none were counted when it was written; as it is where that cannot be done. None where
    there is none."""
    report = run.report
    if report is None or "groups" in report:
        return report
    try:
        answers = predictions.load(run.folder / predictions.FILE)
        if answers.groups is None:
            workspace = Workspace(run.folder.parent.parent)
            groups = picture_groups(workspace, run.dataset, answers.indices)
            answers = replace(answers, groups=groups)
        return _with_groups(report, answers, float((run.model or {}).get("temperature", 1.0)))
    except (MLError, ValueError, TypeError, KeyError, IndexError):
        return report


def _with_groups(
    report: dict[str, Any], answers: Predictions, temperature: float
) -> dict[str, Any]:
    """The report with intervals that allow for groups, where they did not yet."""
    if answers.groups is None or "groups" in report:
        return report
    labelled = LabelledLogits(answers.logits, answers.labels, answers.groups)
    return with_groups(report, labelled, temperature)


def make_results(
    report: dict[str, Any],
    answers: Predictions,
    model: dict[str, Any],
    record: dict[str, Any],
    files: tuple[str, ...],
    key: str,
    own: bool,
) -> Results:
    """Results from what was answered. What they hold cannot be written to: it is shared.

    ``model`` is the content of ``model.json``, ``record`` has ``name`` and ``version`` of the set.
    """
    probabilities = softmax(answers.logits, float(model.get("temperature", 1.0)))
    guesses = answers.logits.argmax(axis=1)
    for array in (answers.labels, guesses, probabilities, answers.indices, answers.groups):
        if array is not None:
            array.setflags(write=False)
    return Results(
        report,
        tuple(str(name) for name in report["classes"]),
        answers.labels,
        guesses,
        probabilities,
        answers.hashes,
        files,
        float(model.get("threshold", 0.0)),
        answers.indices,
        key,
        str(record.get("name") or ""),
        record.get("version"),
        own,
        answers.groups,
    )


def find(workspace: Workspace, run: Run, fingerprint: str, split: str) -> Results | None:
    """The results on these pictures, of the model that ``run`` has now; None where there are none
    that are whole."""
    own = stored_reports.is_own(run, fingerprint, split)
    try:
        return read(workspace, run, None if own else (fingerprint, split))
    except BadInputError:
        return None


def _file_names(workspace: Workspace, record: dict[str, Any], indices: Integers) -> tuple[str, ...]:
    """The original names of the pictures; empty ones where the data set is gone."""
    try:
        items = load_version(workspace, record["name"], record.get("version")).items
        return tuple(files_of(items, indices.tolist()))
    except (MLError, OSError, KeyError, IndexError, TypeError, ValueError):
        return ("",) * len(indices)


def picture_groups(
    workspace: Workspace, record: dict[str, Any], indices: Integers
) -> Integers | None:
    """The group numbers (n,) of the pictures at the places ``indices`` (n,) of the data set; None
    where each is its own group, or the data set is gone."""
    try:
        items = load_version(workspace, record["name"], record.get("version")).items
        return group_ids(items, indices)
    except (MLError, OSError, KeyError, IndexError, TypeError, ValueError):
        return None


def by_confusion(confusion: Sequence[Sequence[int]]) -> list[int]:
    """The classes, those with the most mistakes first, whether as truth or as guess."""
    mistakes = [
        sum(confusion[one]) + sum(row[one] for row in confusion) - 2 * confusion[one][one]
        for one in range(len(confusion))
    ]
    return sorted(range(len(confusion)), key=lambda one: (-mistakes[one], one))


def most_confused(
    confusion: Sequence[Sequence[int]], limit: int = MAX_CONFUSED_CLASSES
) -> list[int]:
    """The classes with the most mistakes, as truth or as guess, in the order of the classes."""
    return sorted(by_confusion(confusion)[:limit])
