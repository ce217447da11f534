"""Similarity map: t-SNE of the pictures of a data set; a selection opens its pictures."""

from collections import Counter

import streamlit as st

from dashboard.charts import dataset as dataset_charts
from dashboard.components.widgets.background_job import (
    begin_job,
    ended_job,
    job_progress,
    job_reason,
    job_running,
)
from dashboard.components.widgets.picture_page import forget_selection, picture_page
from dashboard.components.widgets.plot import plot
from dashboard.queries.datasets import Coordinates, map_of
from dashboard.state.page_states import SimilarityMapState
from dashboard.state.stored import stored
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

MAP = "map"
KEY = "map"
MIN_PICTURES_FOR_MAP = 3
MAX_NEIGHBOURS = 12
"""Pictures that a click shows: the one that was meant, and its neighbours."""


@st.fragment
def similarity_map(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the map and the pictures that were picked on it, or the way to get one."""
    reason = ended_job(workspace, version, MAP)
    coordinates = map_of(workspace, version)
    if coordinates is None:
        st.write(
            "A map on which alike pictures lie near each other. A picture among those of another "
            "class may have a wrong label; a class in two clouds may be two classes."
        )
    lacking = coordinates[0].count(None) if coordinates else len(version.items)
    if lacking:
        _map_button(workspace, version, reason, lacking if coordinates else 0)
    if coordinates:
        _map(workspace, version, *coordinates)


def _map_button(
    workspace: Workspace, version: DatasetVersion, reason: str | None, new: int
) -> None:
    """The way to a map: a button, or how far the child is. ``new`` pictures are not on the old."""
    if job_running(workspace, version, MAP):
        job_progress(workspace, version, MAP)
        return
    job_reason(reason or "")
    if new:
        st.caption(f"{count(new, 'picture')} came later and are not on this map.")
    if st.button(
        "Draw it anew" if new else "Draw the map",
        key="draw-map",
        icon=":material/scatter_plot:",
        disabled=len(version.items) < MIN_PICTURES_FOR_MAP,
        help=f"It takes {MIN_PICTURES_FOR_MAP} pictures at least."
        if len(version.items) < MIN_PICTURES_FOR_MAP
        else None,
    ):
        begin_job(workspace, version, MAP, "Drawing the map")
        st.rerun()


def _map(workspace: Workspace, version: DatasetVersion, x: Coordinates, y: Coordinates) -> None:
    state = stored(SimilarityMapState)
    if state.fingerprint != version.fingerprint:
        state.fingerprint = version.fingerprint
        _drop_picked(state)
    plot_event = plot(
        dataset_charts.similarity(
            version, x, y, _coloured_classes(version), f"{version.fingerprint} {state.turn}"
        ),
        key="chart-map",
        height=430,
        alt=f"Map of {count(len(x), 'picture')}, alike ones near each other, coloured by class.",
        on_click=True,
        on_select=True,
        table=False,
    )
    picked_items = _picked(plot_event, x, y)
    if picked_items is not None and picked_items != state.items:
        state.items = picked_items
        forget_selection(KEY)
    if not state.items:
        st.caption("Click a point to see it and its neighbours, or draw around some.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {count(len(state.items), 'picture')} picked", width="stretch")
        if st.button("Close", key="close-picked", type="tertiary"):
            _drop_picked(state)
            forget_selection(KEY)
            st.rerun(scope="fragment")
    picture_page(workspace, version, state.items, KEY)


def _drop_picked(state: SimilarityMapState) -> None:
    state.items = []
    state.turn += 1


def _picked(
    plot_event: dict[str, object] | None, x: Coordinates, y: Coordinates
) -> list[int] | None:
    """The items that a click or a lasso means; None for neither."""
    if plot_event is None:
        return None
    if isinstance(selection := plot_event.get("selected"), list):
        return sorted({n for n in selection if isinstance(n, int) and 0 <= n < len(x)}) or None
    item = plot_event.get("customdata")
    return (
        dataset_charts.neighbours(x, y, item, MAX_NEIGHBOURS)
        if isinstance(item, int) and 0 <= item < len(x)
        else None
    )


def _coloured_classes(version: DatasetVersion) -> list[int]:
    """The classes with a colour of their own: all where they are few, else one that is chosen, or
    the largest."""
    if len(version.classes) <= dataset_charts.MAX_COLOURS:
        return list(range(len(version.classes)))
    chosen = st.multiselect(
        "Classes in colour",
        range(len(version.classes)),
        format_func=lambda label: version.classes[label],
        max_selections=dataset_charts.MAX_COLOURS - 1,
        key=f"map-classes-{version.name}",
        placeholder="The largest",
    )
    valid = [label for label in chosen if label < len(version.classes)]
    largest = Counter(item.label for item in version.items).most_common(
        dataset_charts.MAX_COLOURS - 1
    )
    return valid or [label for label, _ in largest]
