"""Sections of the report: slices, robustness to corruptions, and the learning curve."""

from markupsafe import Markup

from ml.evaluation import learning_curve, robustness, slice_discovery
from ml.sharing.html_report import figures
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject
from ml.text import report_sentences
from ml.text.format import count, percentage, span, with_span

MAX_GROUPS = 30
"""Groups of pictures that are listed at most, the least likely by chance first."""


def kinds_of_pictures(subject: Subject) -> Markup | None:
    """Groups of these pictures that do worse than the rest; None where none were looked for."""
    results = subject.results
    measured = slice_discovery.read(subject.run, results.fingerprint, results.split)
    if measured is None or measured["pictures"] != len(results.labels):
        return None
    rows = [
        {
            **one,
            "accuracy_text": with_span(one["accuracy"], one["interval"]),
            "rest_text": percentage(one["rest"]),
            "by_chance": slice_discovery.by_chance(one["adjusted"]),
        }
        for one in measured["slices"][:MAX_GROUPS]
    ]
    return render(
        "kinds_of_pictures",
        finding=measured["finding"],
        rows=rows,
        most=MAX_GROUPS,
        tried=measured["tried"],
        method=measured["method"],
    )


def worse_pictures(subject: Subject) -> Markup | None:
    """Accuracy under each kind of corruption; None where that was not measured."""
    measured = robustness.read(subject.run)
    if measured is None:
        return None
    strengths = len(measured["kinds"][0]["accuracy"])
    return render(
        "worse_pictures",
        finding=report_sentences.corruptions(measured),
        heads=["Kind", "Mean", "", *(f"Strength {n + 1}" for n in range(strengths))],
        rows=[
            {**row, "bars": figures.bars([row["mean"]], measured["clean"])}
            for row in measured["kinds"]
        ],
        pictures=count(measured["pictures"], "test picture"),
    )


def more_pictures(subject: Subject) -> Markup | None:
    """The learning curve; None where that was not measured."""
    measured = learning_curve.read(subject.run)
    if measured is None:
        return None
    return render(
        "more_pictures",
        finding=measured["finding"],
        chart=figures.learning_curve(measured),
        pictures=count(
            measured["pictures"], learning_curve.pictures_name(measured).removesuffix("s")
        ),
        accuracy_title=learning_curve.accuracy_title(measured),
        fits=f"mean of {measured['draws']} fits each" if measured["draws"] > 1 else "one fit each",
        extrapolated=bool(measured["twice"]),
        rows=[{**point, "interval": span(point["interval"])} for point in measured["points"]],
    )
