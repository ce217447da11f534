"""How good a run is, in one sentence and three figures, each with its interval or baseline."""

import streamlit as st

from dashboard.components.tiles import Tile, tiles
from dashboard.results import Results
from dashboard.text import plain, rounded, span, with_span
from dashboard.words import count

FIGURES = {
    "accuracy": ("Accuracy", "The share of test pictures whose class was guessed right."),
    "balanced_accuracy": (
        "Balanced accuracy",
        "The mean of the classes' recalls: every class counts the same, however few its pictures.",
    ),
    "macro_f1": (
        "Macro F1",
        "The mean of the classes' F1, which is high only where precision and recall both are.",
    ),
}


FEW = 100
"""With fewer test pictures that is said beside the figures."""


def sentence(results: Results) -> str:
    """The headline as Markdown."""
    report = results.report
    accuracy = with_span(report["accuracy"], (report.get("intervals") or {}).get("accuracy"))
    baseline = report.get("majority") or {}
    words = f"Accuracy {accuracy}."
    if baseline.get("accuracy") is not None:
        biggest = plain(str(baseline.get("class", "")))
        words += f" Guessing the biggest class, {biggest}, gets {rounded(baseline['accuracy'])}."
    return words


def reading(results: Results) -> str:
    """What the interval means, what comes without learning, and whether the test is small."""
    report, pictures = results.report, len(results.labels)
    words = []
    if around := span((report.get("intervals") or {}).get("accuracy")):
        low, high = around.split(" to ")
        words.append(f"Expect between {low} and {high} % on pictures like these.")
    centroid = (report.get("centroid") or {}).get("accuracy")
    if centroid is not None:
        words.append(
            f"Comparing each picture with the mean picture of every class scores "
            f"{rounded(centroid)}."
        )
    if pictures < FEW:
        words.append(
            f"{count(pictures, 'test picture')} {'is' if pictures == 1 else 'are'} few: the "
            "figures may be far off, in either direction."
        )
    return " ".join(words)


def folds_line(folds: object) -> str:
    """What cross-validation found, in a sentence; empty where there was none."""
    found = folds if isinstance(folds, dict) else {}
    accuracy, mean = found.get("accuracy"), found.get("mean")
    if not accuracy or mean is None:
        return ""
    return (
        f"Trained on {len(accuracy)} folds of the other pictures, it gets {rounded(mean)} on "
        f"average, from {rounded(min(accuracy))} to {rounded(max(accuracy))} "
        f"(standard deviation {rounded(found.get('std'))})."
    )


def headline(results: Results) -> None:
    """Draw the sentence and the tiles."""
    report, pictures = results.report, len(results.labels)
    intervals = report.get("intervals") or {}
    st.markdown(f"### {sentence(results)}")
    st.caption(reading(results))
    if line := folds_line(report.get("folds")):
        st.caption(line, help="Each part is measured by a model that was trained on the others.")
    shown = []
    for name, (label, about) in FIGURES.items():
        around = span(intervals.get(name))
        note = f"{around}, 95 % interval" if around else ""
        shown.append(Tile(label, rounded(report.get(name)), note, help=about))
    shown.append(
        Tile(
            "Test pictures",
            f"{pictures:,}",
            f"in {count(len(results.classes), 'class', 'classes')}, never trained on",
            help="The fewer there are, the wider the intervals.",
        )
    )
    tiles(shown, key="headline")
