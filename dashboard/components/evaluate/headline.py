"""How good a run is, in one sentence and three figures, each with its interval or baseline."""

import streamlit as st

from dashboard.components.widgets.metric_tiles import Tile, tiles
from dashboard.queries.results import Results
from dashboard.text.markdown import plain, rounded, span
from dashboard.text.wording import count
from ml.text import report_sentences


def headline(results: Results) -> None:
    """Draw the sentence and the tiles."""
    report, pictures = results.report, len(results.labels)
    intervals = report.get("intervals") or {}
    st.markdown(f"### {report_sentences.headline(report, plain)}")
    st.caption(report_sentences.reading(report, pictures))
    if line := report_sentences.folds(report.get("folds")):
        st.caption(line, help="Each part is measured by a model that was trained on the others.")
    present = len(set(results.labels.tolist()))
    shown = []
    for name, (label, about) in report_sentences.FIGURES.items():
        around = span(intervals.get(name))
        note = f"{around}, 95 % interval" if around else ""
        shown.append(Tile(label, rounded(report.get(name)), note, help=about))
    shown.append(
        Tile(
            "Test pictures" if results.own else "Pictures",
            f"{pictures:,}",
            f"in {count(present, 'class', 'classes')}{', never trained on' if results.own else ''}",
            help="The fewer there are, the wider the intervals.",
        )
    )
    tiles(shown, key="headline")
