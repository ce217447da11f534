"""Downloads of an evaluation: predictions, the report as JSON, and the HTML report."""

import json
from functools import partial

import streamlit as st

from dashboard.queries.predictions_csv import to_csv
from dashboard.queries.results import Results
from ml.runs.folder import Run
from ml.workspace import Workspace


def downloads(workspace: Workspace, run: Run, results: Results) -> None:
    """Draw the buttons. The table and the page are made when they are asked for."""
    with st.container(horizontal=True):
        st.download_button(
            "Predictions as CSV",
            partial(to_csv, results),
            f"{results.key}-predictions.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Report as JSON",
            json.dumps(results.report, ensure_ascii=False, indent=1),
            f"{results.key}-report.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Report as a page",
            partial(_page, workspace, run, results),
            f"{results.key}-report.html",
            "text/html",
            icon=":material/download:",
            on_click="ignore",
            help="One file to hand on, with figures and pictures in it. It opens in any browser, "
            "without Lensmith and without a network.",
        )


def _page(workspace: Workspace, run: Run, results: Results) -> str:
    from ml.sharing.html_report.page import (
        page,  # not at the top: few ask for it, and every view would wait
    )

    return page(workspace, run, results)
