"""The EvaluationReport: what predictions for labelled pictures amount to. Pure, without torch."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.metrics import calibration, parity, roc
from ml.metrics import classification as metrics
from ml.metrics.design_effect import share_inflation
from ml.metrics.registry import LabelledLogits, all_metrics

Logits = npt.NDArray[np.float32]


def metric_values(logits: Logits, labels: metrics.Ints) -> dict[str, float]:
    """Every registered metric of ``logits`` (N, K) and ``labels`` (N,), by its name."""
    answers = LabelledLogits(logits, labels)
    return {metric.name: metric.function(answers) for metric in all_metrics()}


def _intervals(answers: LabelledLogits) -> dict[str, list[float]]:
    """The 95 % intervals (low, high) of the metrics that have one, by name."""
    return {
        metric.name: list(metric.interval(answers))
        for metric in all_metrics()
        if metric.interval is not None
    }


def make_report(
    logits: Logits,
    labels: metrics.Ints,
    baseline_labels: metrics.Ints,
    split: str,
    manifest: dict[str, Any],
) -> dict[str, Any]:
    """The EvaluationReport of predictions, without where the pictures come from.

    ``confusion`` has the truth in rows, ``intervals`` are 95 %, of independent pictures: see
    ``with_groups``. ``loss`` is that of the network as it was trained; the one in ``calibration``
    is that of the probabilities that are shown.

    Args:
        logits, labels: float (N, K) and int (N,).
        known: labels that a guesser would have seen; ``majority`` guesses the most frequent.
        manifest: the content of ``model.json``.
    """
    classes = list(manifest["classes"])
    answers = LabelledLogits(logits, labels)
    matrix = answers.confusion
    return {
        "split": split,
        "pictures": len(labels),
        **metric_values(logits, labels),
        "intervals": _intervals(answers),
        "majority": _majority_baseline(baseline_labels, labels, classes),
        "classes": classes,
        "confusion": matrix.tolist(),
        "per_class": _per_class(answers, classes, manifest["temperature"]),
        "calibration": _calibration(logits, labels, manifest["temperature"], manifest["threshold"]),
        "model": manifest["model"],
        "run": manifest["run"],
        "parity": manifest["parity"],
        "notes": _notes(manifest["parity"]),
    }


def with_groups(
    report: dict[str, Any], answers: LabelledLogits, temperature: float
) -> dict[str, Any]:
    """The report with intervals that allow for the groups of ``answers``, of whose predictions it
    is; as it was where every picture is its own group.

    ``groups`` tells that they were allowed for: their ``count``, the pictures of the ``largest``,
    and ``effective_pictures``, so many independent pictures as would tell as much about the
    accuracy. See ``ml.metrics.design_effect``.
    """
    if answers.groups is None:
        return report
    spans = _recall_intervals(answers)
    inflation = answers.inflation(metrics.accuracy_influence)
    about = {
        "count": len(np.unique(answers.groups)),
        "largest": int(np.bincount(answers.groups).max()),
        "effective_pictures": round(len(answers.labels) / inflation, 1),
    }
    return report | {
        "groups": about,
        "intervals": (report.get("intervals") or {}) | _intervals(answers),
        "per_class": [
            entry | {"recall_interval": list(span)}
            for entry, span in zip(report["per_class"], spans, strict=True)
        ],
        "calibration": _with_bin_intervals(report.get("calibration") or {}, answers, temperature),
    }


def _with_bin_intervals(
    calibrated: dict[str, Any], answers: LabelledLogits, temperature: float
) -> dict[str, Any]:
    """The calibration of a report with the 95 % interval of each of its ten bins."""
    confidence = calibration.softmax(answers.logits, temperature).max(axis=1)
    place = np.minimum((10 * confidence).astype(int), 9)
    right = answers.guesses == answers.labels
    bins = []
    for entry in calibrated.get("bins") or []:
        inside = place == round(10 * entry["low"])
        interval = metrics.share_interval(right, answers.groups, inside)
        bins.append(entry | {"interval": list(interval)})
    return calibrated | {"bins": bins} if bins else calibrated


def bin_interval(entry: dict[str, Any]) -> metrics.Interval:
    """The 95 % interval of the share right in a bin of a report's ``calibration``."""
    interval = entry.get("interval")
    if interval:
        return float(interval[0]), float(interval[1])
    return metrics.wilson(entry["accuracy"], entry["pictures"])


def _majority_baseline(
    baseline_labels: metrics.Ints, labels: metrics.Ints, classes: list[str]
) -> dict[str, Any]:
    """The most frequent class of ``baseline_labels``, and its share, 0 to 1, of ``labels``."""
    counts = np.bincount(baseline_labels, minlength=len(classes))
    majority, accuracy = metrics.majority(counts, labels)
    return {"class": classes[majority], "accuracy": accuracy}


def note(text: str, code: str) -> dict[str, str]:
    """A warning for a report's ``notes``, in the form of the event ``Note``."""
    return {"text": text, "level": "warning", "code": code}


def _notes(measured: dict[str, Any]) -> list[dict[str, str]]:
    return [] if parity.is_same(measured) else [note(parity.sentence(measured), "parity")]


def _recall_intervals(answers: LabelledLogits) -> list[metrics.Interval]:
    """The 95 % interval of the recall of each class, by the groups of its pictures."""
    if answers.groups is None:
        return metrics.recall_intervals(answers.confusion)
    inflations = []
    for label in range(len(answers.confusion)):
        inside = answers.labels == label
        inflations.append(share_inflation(answers.guesses[inside] == label, answers.groups[inside]))
    return metrics.recall_intervals(answers.confusion, inflations)


def _per_class(
    answers: LabelledLogits, classes: list[str], temperature: float
) -> list[dict[str, Any]]:
    """``roc_auc`` and ``average_precision`` are one against the rest, of calibrated probabilities;
    None where there is nothing to tell apart."""
    probabilities = calibration.softmax(answers.logits, temperature)
    curves = [roc.curve(probabilities[:, n], answers.labels == n) for n in range(len(classes))]
    scores, spans = metrics.class_scores(answers.confusion), _recall_intervals(answers)
    return [
        {
            "class": name,
            "precision": float(scores.precision[n]),
            "recall": float(scores.recall[n]),
            "f1": float(scores.f1[n]),
            "support": int(scores.support[n]),
            "recall_interval": list(spans[n]),
            "roc_auc": roc.roc_auc(curves[n]),
            "average_precision": roc.average_precision(curves[n]),
        }
        for n, name in enumerate(classes)
    ]


def _calibration(
    logits: Logits, labels: metrics.Ints, temperature: float, threshold: float
) -> dict[str, Any]:
    """``ece``, ``bins``, ``loss`` and ``brier`` are of calibrated probabilities, those with
    ``_before`` of the network's own; ``sure`` is the share so called."""
    probabilities = calibration.softmax(logits, temperature)
    error, bins = calibration.calibration_bins(probabilities, labels)
    raw = calibration.softmax(logits)
    error_before, bins_before = calibration.calibration_bins(raw, labels)
    sure = calibration.is_sure(probabilities.max(axis=1), threshold)
    right = logits.argmax(axis=1)[sure] == labels[sure]
    return {
        "ece": error,
        "ece_before": error_before,
        "loss": calibration.cross_entropy(logits, labels, temperature),
        "loss_before": calibration.cross_entropy(logits, labels),
        "brier": roc.brier(probabilities, labels),
        "brier_before": roc.brier(raw, labels),
        "temperature": temperature,
        "bins": bins,
        "bins_before": bins_before,
        "threshold": threshold,
        "sure": float(sure.mean()) if len(sure) else 0.0,
        "sure_accuracy": float(right.mean()) if len(right) else None,
    }
