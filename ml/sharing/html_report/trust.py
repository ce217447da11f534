"""Whether the probabilities mean what they say, and when the model says that it does not know."""

from typing import Any

from ml.metrics.calibration import ENOUGH
from ml.metrics.classification import wilson
from ml.sharing.html_report.figures import reliability
from ml.sharing.html_report.markup import Html, figure, section, table, tag
from ml.sharing.html_report.subject import Subject
from ml.text import report_sentences
from ml.text.format import count, percentage, with_span

SCORES = {
    "Calibration error (ECE)": "ece",
    "Log loss": "loss",
    "Brier score (0 to 2)": "brier",
}


def probabilities(subject: Subject) -> Html:
    """Reliability as a chart and as a table, and what calibration did."""
    found = subject.report.get("calibration") or {}
    bins = [entry for entry in found.get("bins") or [] if entry.get("pictures")]
    if not bins:
        return Html()
    results = subject.results
    if len(results.labels) < ENOUGH:
        few = f"{subject.counted} are too few to tell. {ENOUGH} are the least."
        return section("Whether the probabilities mean what they say", tag("p", few))
    said = report_sentences.calibration(float(found.get("ece") or 0.0), results.confidence)
    apart = count(round(100 * float(found.get("ece") or 0.0)), "percentage point")
    about = (
        "When the model says 80 %, is it right 80 % of the time? Points on the dashed line mean "
        "yes; below it the model is too sure of itself, above it too modest. Bigger points stand "
        "for more pictures, whiskers are 95 % intervals"
        + (", hollow points are the probabilities before calibration." if _before(found) else ".")
    )
    title = f"Probabilities are {apart} off on average"
    alt = f"Probability given against share right. {title}; the table has the numbers."
    return section(
        title,
        tag("p", said),
        tag("figure", reliability(bins, _before(found), alt), tag("figcaption", about)),
        table("Guesses by the probability given", BINS, (_bin(entry) for entry in bins)),
        tag("p", _temperature(found), class_="quiet"),
        _effect(found),
    )


BINS = ("Probability given", "Pictures", "On average", "Right", "95 % interval")


def _before(found: dict[str, Any]) -> list[dict[str, float]]:
    return [entry for entry in found.get("bins_before") or [] if entry.get("pictures")]


def _bin(entry: dict[str, float]) -> list[Html | str]:
    pictures = int(entry["pictures"])
    low, high = wilson(entry["accuracy"], pictures)
    return [
        f"{100 * entry['low']:.0f} to {100 * entry['high']:.0f} %",
        f"{pictures:,}",
        figure(entry["confidence"], percentage(entry["confidence"])),
        figure(entry["accuracy"], percentage(entry["accuracy"])),
        f"{100 * low:.0f} to {100 * high:.0f} %",
    ]


def _temperature(found: dict[str, Any]) -> str | None:
    value = found.get("temperature")
    if value is None:
        return None
    return report_sentences.temperature(float(value))


def _effect(found: dict[str, Any]) -> Html:
    """What calibration did to these pictures."""
    rows = []
    for label, name in SCORES.items():
        if name not in found:
            continue
        before = found.get(f"{name}_before")
        after = float(found[name])
        rows.append(
            [
                label,
                figure(before, f"{float(before):.3f}") if before is not None else "–",
                figure(after, f"{after:.3f}"),
            ]
        )
    return table("What calibration did; lower is better", ("", "Before", "Calibrated"), rows)


def refusing(subject: Subject) -> Html:
    """The threshold below which it is not sure, what that does, and when a picture is unlike."""
    results = subject.results
    right, sure = results.labels == results.guesses, results.sure
    asked, hits = int(sure.sum()), int(right[sure].sum())
    effect = None
    if asked:
        share = with_span(hits / asked, wilson(hits / asked, asked))
        effect = (
            f"It is sure about {asked:,} of the {subject.counted}, and right about {hits:,} of "
            f"those: {share}. It leaves {len(right) - asked:,} open."
        )
    unlike = report_sentences.unlike(subject.model.get("unlike"))
    return section(
        "When it says that it is not sure",
        tag("p", report_sentences.threshold(results.threshold, subject.model.get("answers"))),
        tag("p", effect) if effect else None,
        tag("p", unlike) if unlike else None,
    )
