"""Plot: a Plotly chart that is updated in place when its data change.

Streamlit's own chart commands draw a chart anew, or lose the reader's zoom, at each change. This
one keeps its element, its zoom and its hidden traces, reports clicks, and has a table of the same
figures under it.
"""

import json
from typing import Any

import streamlit as st

from dashboard.server.static import beside, plotly_name

_HTML = """
<div class="lens-plot">
  <div class="lens-plot-box" role="img"></div>
  <p class="lens-spoken" aria-live="polite"></p>
  <details><summary>As a table</summary><div></div></details>
</div>
"""

_SUMMARY_HEIGHT = 24
"""How high the line under a chart is that opens its table, in px: see ``plot.css``."""

_PLOT = st.components.v2.component(
    "lensmith_plot",
    html=_HTML,
    css=beside(__file__, "plot.css"),
    js=beside(__file__, "plot.js"),
    isolate_styles=False,
)

# In a block: the script runs again whenever a page draws another of the two.
_PRELOAD_SCRIPT = """<script data-for="charts">
  {
    const source = new URL("app/static/%s", document.baseURI).href
    const begun = (name) => document.querySelector(`head [${name}="${source}"]`)
    if (!begun("src") && !begun("%s")) {
      const early = document.createElement("%s")
      Object.assign(early, %s)
      early.onload = () => (early.dataset.there = "")
      early.onerror = () => early.remove()
      document.head.append(early)
    }
  }
</script>"""


def start_loading(*, now: bool) -> None:
    """Have the browser load the chart library while it waits for the rest of a page, which takes it
    half a second, or, if not ``now``, fetch it when it has nothing else to do. Draw it early, where
    an empty line does no harm."""
    tag = ("src", "script", "{src: source}")
    if not now:
        tag = ("href", "link", '{rel: "prefetch", href: source}')
    st.html(_PRELOAD_SCRIPT % (plotly_name(), *tag), unsafe_allow_javascript=True)


def plot(
    figure: Any,
    key: str,
    *,
    height: int = 280,
    alt: str,
    on_click: bool = False,
    on_select: bool = False,
    table: bool = True,
    announce: str = "",
) -> dict[str, Any] | None:
    """Draw ``figure`` and return the point that was clicked, or what was selected, or None.

    Args:
        figure: ``{"data": [...], "layout": {...}}`` or a ``plotly.graph_objects.Figure``; with
            ``table``, a list of rows, where x and y of the traces are not what one would read.
            Colours
            may be names of the theme, which follow it when it changes: ``$train``, ``$validation``,
            ``$cat0`` to ``$cat7``, ``$accent``, ``$text``, ``$muted``, ``$line``, ``$back``,
            ``$soft``, ``$good``, ``$bad``, ``$seq0`` to ``$seq9``, ``$seq`` (a whole colour scale);
            with an opacity: ``$cat0/0.3``.
        key: the same in every run, and only once on a page: it is what the chart is known by.
        height: in pixels, at least 240.
        alt: what the chart says, in a sentence, for whoever does not see it.
        on_click: whether a click is returned, for one run: ``x``, ``y``, ``z``, ``curve``,
            ``point``, ``text``, ``customdata``.
        on_select: whether a selection (``dragmode`` lasso or select) is returned, for one run, as
            ``{"selected": [customdata of each point]}``.
        table: whether the same figures stand under it as a table.
        announce: read out politely by a screen reader whenever it changes.
    """
    # As text: of lists and dictionaries Streamlit asks whether they are data frames, and imports
    # pandas to know, which takes half a second of a page's first view.
    content = json.dumps(figure) if isinstance(figure, dict) else figure.to_json()
    height = max(240, height)
    result = _PLOT(
        key=key,
        height=height + (_SUMMARY_HEIGHT if table else 0),  # kept free from the first moment on
        data={
            "figure": content,
            "height": height,
            "alt": alt,
            "clickable": on_click,
            "selectable": on_select,
            "table": table,
            "announce": announce,
            "library": plotly_name(trace["type"] for trace in figure["data"] if "type" in trace),
        },
        on_click_change=lambda: None,
        on_select_change=lambda: None,
    )
    event = result.get("select") or result.get("click")
    return dict(event) if event else None
