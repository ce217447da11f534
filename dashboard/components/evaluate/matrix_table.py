"""Matrix table: the confusion matrix as an HTML table, which is drawn before Plotly has loaded.

A click on a cell, or Enter on it, chooses it; the arrow keys walk from cell to cell.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from dashboard.server.static import beside
from dashboard.state.widget_key import WidgetKey

_component = st.components.v2.component(
    "lensmith_matrix",
    html='<div class="lens-matrix"><div class="scroll"><table role="grid"></table>'
    '<div class="frame" hidden></div></div><div class="tip" role="tooltip" hidden></div>'
    '<button type="button" class="numbers" aria-pressed="false" hidden>Show every number</button>'
    "</div>",
    css=beside(__file__, "matrix_table.css"),
    js=beside(__file__, "../widgets/create.js", "matrix_cells.js", "matrix_table.js"),
)


def matrix_table(
    figure: dict[str, Any], key: str, *, alt: str, press: Callable[[int, int], None]
) -> None:
    """Draw it.

    Args:
        figure: as made by ``dashboard.charts.confusion_matrix.matrix``.
        key: the same in every run, and only once on a page.
        alt: what it says, in a sentence, for whoever does not see it.
        press: is told row and column, as they are shown, of a cell that was chosen, before the page
            is drawn anew.
    """
    content = {name: value for name, value in figure.items() if name != "frame"}
    _component(
        key=key,
        data={  # as text: of lists Streamlit asks whether they are data frames
            "matrix": json.dumps(content),
            "frame": json.dumps(figure["frame"]),
            "alt": alt,
        },
        on_cell_change=partial(_pressed, key, len(figure["names"]), press),
    )


def _pressed(key: str, size: int, press: Callable[[int, int], None]) -> None:
    """Tell what the browser sent; what it cannot have sent is left out."""
    message = WidgetKey[Any](key).value(None).cell
    if isinstance(message, dict):
        places = [message.get("row"), message.get("column")]
        row, column = (n if isinstance(n, int) and 0 <= n < size else None for n in places)
        if row is not None and column is not None:
            press(row, column)
