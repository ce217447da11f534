"""Measurements besides the test: kinds of pictures, corruptions, and the learning curve."""

from markupsafe import Markup

from ml.evaluation import learning_curve, robustness, slice_discovery
from ml.sharing.html_report import figures
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.subject import Subject
from ml.text import report_sentences
from ml.text.format import count, percentage, span, with_span

MAX_GROUPS = 30
"""Groups of pictures that are listed at most, the least likely by chance first."""


def kinds_of_pictures(subject: Subject) -> Markup | None:
    """Groups of these pictures that do worse than the rest; None where none were looked for."""
    results = subject.results
    found = slice_discovery.read(subject.run, results.fingerprint, results.split)
    if found is None or found["pictures"] != len(results.labels):
        return None
    rows = [
        {
            **one,
            "accuracy_text": with_span(one["accuracy"], one["interval"]),
            "rest_text": percentage(one["rest"]),
            "by_chance": slice_discovery.by_chance(one["adjusted"]),
        }
        for one in found["slices"][:MAX_GROUPS]
    ]
    return render(
        "kinds_of_pictures",
        finding=found["finding"],
        rows=rows,
        most=MAX_GROUPS,
        tried=found["tried"],
        method=found["method"],
    )


def worse_pictures(subject: Subject) -> Markup | None:
    """Accuracy under each kind of corruption; None where that was not measured."""
    found = robustness.read(subject.run)
    if found is None:
        return None
    strengths = len(found["kinds"][0]["accuracy"])
    return render(
        "worse_pictures",
        finding=report_sentences.corruptions(found),
        heads=["Kind", "Mean", "", *(f"Strength {n + 1}" for n in range(strengths))],
        rows=[
            {**row, "bars": figures.bars([row["mean"]], found["clean"])} for row in found["kinds"]
        ],
        pictures=count(found["pictures"], "test picture"),
    )


def more_pictures(subject: Subject) -> Markup | None:
    """The learning curve; None where that was not measured."""
    found = learning_curve.read(subject.run)
    if found is None:
        return None
    return render(
        "more_pictures",
        finding=found["finding"],
        chart=figures.learning_curve(found),
        pictures=count(found["pictures"], "validation picture"),
        fits=f"mean of {found['draws']} fits each" if found["draws"] > 1 else "one fit each",
        extrapolated=bool(found["twice"]),
        rows=[{**point, "interval": span(point["interval"])} for point in found["points"]],
    )
