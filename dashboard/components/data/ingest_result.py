"""Ingest result: how many pictures were taken in, and which were refused or converted."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.queries.predictions_csv import csv_of
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.sources.listing import DRAWING, LAYOUT

MAX_FILES = 200
"""Files listed on the page; the CSV has them all."""


def ingest_results(results: Sequence[dict[str, Any]]) -> bool:
    """Draw a card with the results of ``ml ingest``, or with what went wrong. True when it is to
    be put away."""
    if not results:
        return False
    with st.container(border=True, key="card-ingested"):
        with st.container(horizontal=True, vertical_alignment="top"):
            with st.container(width="stretch"):
                for result in results:
                    _sentence(result)
            closed = st.button(
                "Close", key="close-ingested", icon=":material/close:", type="tertiary"
            )
        rows = lines(results)
        if rows:
            _files(rows)
    return closed


def lines(results: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Every file that was refused or changed: file, what happened, why or how."""
    rows = []
    for result in results:
        for outcome, reason_key in (("refused", "reason"), ("changed", "change")):
            for entry in result.get(outcome) or []:
                rows.append([str(entry["file"]), outcome, str(entry[reason_key])])
    return rows


def _sentence(result: dict[str, Any]) -> None:
    if error := result.get("error"):
        st.warning(plain(error), icon=":material/error:")
        if LAYOUT in error:
            st.html(f'<pre class="lens-drawing" aria-label="The layout">{DRAWING}</pre>')
        return
    if "cancelled" in result:
        st.html('<p class="lens-told">Cancelled. No picture was added.</p>')
        return
    text = f"{count(int(result['accepted']), 'picture')} read."
    if dataset := result.get("into"):
        text = f"{text[:-6]} added to <strong>{escape(dataset)}</strong>."
    st.html(f'<p class="lens-told" role="status">{text}</p>')
    for note in result.get("notes") or []:
        st.caption(plain(note))


def _files(rows: list[list[str]]) -> None:
    with st.expander(f"See which: {count(len(rows), 'file')}", key="see-which"):
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
            for row in rows[:MAX_FILES]
        )
        st.html(
            '<div class="lens-files" tabindex="0"><table><thead><tr><th>File</th><th>Outcome</th>'
            f"<th>Why</th></tr></thead><tbody>{body}</tbody></table></div>"
        )
        if len(rows) > MAX_FILES:
            st.caption(f"The first {MAX_FILES} of {len(rows):,}. The CSV has them all.")
        st.download_button(
            "List as CSV",
            csv_of([["file", "outcome", "why"], *rows]),
            "pictures-refused-and-changed.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
