"""Precision, recall, F1 and more of each class, as numbers and as bars."""

from typing import Any

from ml.metrics.thresholds import LEAST
from ml.sharing.html_report.figures import bars
from ml.sharing.html_report.markup import Html, figure, named, section, table, tag
from ml.sharing.html_report.subject import Subject
from ml.text import report_sentences
from ml.text.format import percentage, span

MOST = 200
"""Of more classes than this the weakest are listed: the file stays small."""


def per_class(subject: Subject) -> Html:
    """The section, the weakest class first."""
    entries = sorted(subject.report["per_class"], key=lambda entry: entry["f1"])
    total = sum(entry["support"] for entry in entries)
    shown, told = entries[:MOST], None
    if len(entries) > MOST:
        told = tag("p", f"The {MOST} weakest of {len(entries):,} classes.", class_="told")
    title = report_sentences.weakest(entries)
    heads = ("Class", "Precision", "Recall (95 %)", "F1", "Pictures", "ROC area", "PR area", KEY)
    about = (
        "Precision: of the pictures called this class, the share that are of it. Recall: of the "
        "pictures of this class, the share that were found. F1 is high only where both are. ROC "
        "area: how often a picture of the class is given a higher probability of it than one of "
        "another class; 50 % is chance. PR area: precision, averaged over the levels of recall. "
        f"Both are left out with fewer than {LEAST} pictures of the class or of others."
    )
    return section(
        title,
        told,
        table("Each class, the weakest first", heads, (_row(entry, total) for entry in shown)),
        tag("p", about, class_="quiet"),
    )


BARS = ("Precision", "Recall", "F1")
KEY = tag(
    "span",
    *(
        tag("span", name, class_=f"key key{n}")
        for n, name in enumerate(("Precision", "Recall", "F1"))
    ),
)


def _row(entry: dict[str, Any], total: int) -> list[Html]:
    around = span(entry.get("recall_interval"))
    recall = tag(
        "span",
        figure(entry["recall"], percentage(entry["recall"], digits=1)),
        tag("small", f" ({around})") if around else None,
        class_="whole",
    )
    told = min(entry["support"], total - entry["support"]) >= LEAST
    shown = [entry.get(name) if told else None for name in ("roc_auc", "average_precision")]
    areas = [figure(area, percentage(area, digits=1)) for area in shown]
    shares = (entry["precision"], entry["recall"], entry["f1"])
    return [
        named(entry["class"]),
        figure(entry["precision"], percentage(entry["precision"], digits=1)),
        recall,
        figure(entry["f1"], percentage(entry["f1"], digits=1)),
        tag("data", f"{entry['support']:,}", value=entry["support"]),
        *areas,
        bars(shares),
    ]
