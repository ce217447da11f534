"""Section of the report: precision, recall, F1 and areas under curves of each class."""

from typing import Any

from markupsafe import Markup

from ml.metrics.thresholds import MIN_PICTURES_FOR_CURVE
from ml.sharing.html_report.figures import bars
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject
from ml.text import report_sentences
from ml.text.format import span

MAX_CLASSES = 200
"""Of more classes than this the weakest are listed: the file stays small."""


def per_class(subject: Subject) -> Markup:
    """The section, the weakest class first."""
    entries = sorted(subject.report["per_class"], key=lambda entry: entry["f1"])
    total = sum(entry["support"] for entry in entries)
    selection = None
    if len(entries) > MAX_CLASSES:
        selection = f"The {MAX_CLASSES} weakest of {len(entries):,} classes."
    return render(
        "classes",
        title=report_sentences.weakest(entries),
        selection=selection,
        rows=[_row(entry, total) for entry in entries[:MAX_CLASSES]],
        least=MIN_PICTURES_FOR_CURVE,
    )


def _row(entry: dict[str, Any], total: int) -> dict[str, Any]:
    """One class; ``total`` is the number of pictures of all classes."""
    enough = min(entry["support"], total - entry["support"]) >= MIN_PICTURES_FOR_CURVE
    shares = (entry["precision"], entry["recall"], entry["f1"])
    return {
        "name": str(entry["class"]),
        "precision": entry["precision"],
        "recall": entry["recall"],
        "interval": span(entry.get("recall_interval")),
        "f1": entry["f1"],
        "support": entry["support"],
        "roc_auc": entry.get("roc_auc") if enough else None,
        "average_precision": entry.get("average_precision") if enough else None,
        "bars": bars(shares),
    }
