"""Headline of Evaluate: one sentence, and a tile for each metric with its interval."""

import streamlit as st

from dashboard.components.widgets.metric_tiles import MetricTile, metric_tiles
from dashboard.queries.results import Results, reuse
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.runs.folder import Run
from ml.text import metric_text, report_sentences
from ml.workspace import Workspace


def headline(workspace: Workspace, run: Run, results: Results) -> None:
    """Draw the sentence and the tiles."""
    report, pictures = results.report, len(results.labels)
    st.markdown(f"### {report_sentences.headline(report, plain)}")
    st.caption(report_sentences.reading(report, pictures))
    if results.own and (line := report_sentences.reuse(reuse(workspace, run, results))):
        st.caption(line)
    if line := report_sentences.folds(report.get("folds")):
        st.caption(line, help="Each part is measured by a model that was trained on the others.")
    present = len(set(results.labels.tolist()))
    tiles = []
    for metric in metric_text.measured(report):
        interval = metric_text.interval_text(metric, report)
        note = f"{interval}, 95 % interval" if interval else ""
        value = metric_text.value_text(metric, report)
        tiles.append(MetricTile(metric.label, value, note, help=metric.explanation))
    tiles.append(
        MetricTile(
            "Test pictures" if results.own else "Pictures",
            f"{pictures:,}",
            f"in {count(present, 'class', 'classes')}{', never trained on' if results.own else ''}",
            help="The fewer there are, the wider the intervals.",
        )
    )
    metric_tiles(tiles, key="headline")
