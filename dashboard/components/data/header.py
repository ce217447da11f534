"""Header of Data: the data set in hand, whether it is ready, and the button of the next step."""

from typing import NoReturn

import streamlit as st

from dashboard.queries.readiness import advice, class_key, missing
from dashboard.state import deep_links, selection
from dashboard.state.keys import DATASET_PICKER
from dashboard.state.messages import WANTED_DATASET
from dashboard.state.navigation import DATA, TRAIN
from dashboard.state.page_states import DataState
from dashboard.state.stored import stored
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import count, unique
from ml.data import catalog
from ml.data.catalog import DatasetInfo
from ml.data.ingest.bring_in import BUNDLED_NAMES
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace


def go_to_own_pictures(workspace: Workspace) -> NoReturn:
    """Go to Data: to the set of one's own, or to the three roads where there is none."""
    current = selection.current_data()
    if current is None or current in BUNDLED_NAMES:
        own_names = [info.name for info in catalog.list_datasets(workspace) if info.kind == "own"]
        selection.choose_data(own_names[0] if own_names else None)
    deep_links.go_to(DATA)


def datasets_by_name(workspace: Workspace) -> dict[str, DatasetInfo]:
    """All sets by name, one's own first."""
    infos = catalog.list_datasets(workspace)
    return {info.name: info for info in sorted(infos, key=lambda info: info.kind != "own")}


def dataset_picker(infos: dict[str, DatasetInfo], name: str) -> None:
    """Choose among the sets; ``name`` is the one in hand."""
    labels = unique({info.name: info.title for info in infos.values()})
    DATASET_PICKER.set(name)  # in every run, as the run picker does
    st.selectbox(
        "Data set",
        list(infos),
        format_func=lambda key: labels.get(key, key),
        key=DATASET_PICKER,
        label_visibility="collapsed",
        on_change=_picked,
    )


def _picked() -> None:
    selection.choose_data(DATASET_PICKER.value(""))
    stored(DataState).adding = False


def header_buttons(version: DatasetVersion) -> None:
    """Add pictures, another set, and on to training as soon as that can be."""
    gaps = missing(version)
    if not gaps and st.button("Train on these pictures", type="primary", key="train-on-these"):
        WANTED_DATASET.send(version.name)
        selection.choose_run(None)
        deep_links.go_to(TRAIN)
    state = stored(DataState)
    adding = state.adding
    if st.button(
        "Close" if adding else "Add pictures",
        type="primary" if gaps and not adding else "secondary",
        icon=":material/close:" if adding else ":material/add_photo_alternate:",
        key="add-pictures",
    ):
        state.adding = not adding
        st.rerun()
    if st.button("New set", type="tertiary", icon=":material/add:", key="new-set-button"):
        state.new_set = True
        st.rerun()


def readiness_badge(version: DatasetVersion) -> None:
    """Ready or not, in a badge; pressed, it names what is missing."""
    gaps, pictures = missing(version), sum(version.counts.values())
    with st.container(horizontal=True, vertical_alignment="center", key="readiness"):
        kinds = count(len(version.classes), "class", "classes")
        st.caption(f"{count(pictures, 'picture')} in {kinds}", width="content")
        improvement = advice(version)
        if not gaps and not improvement:
            st.badge("Ready", icon=":material/check:", color="green")
            return
        colour, word, icon = (
            ("orange", "Not ready", "error") if gaps else ("green", "Ready", "check_circle")
        )
        with st.popover(f":{colour}[{word}]", icon=f":material/{icon}:", key="ready-or-not"):
            if not gaps:
                st.markdown(plain(improvement))
            for gap in gaps[:8]:
                where = f"#class-{class_key(version, gap.about)}"
                st.html(f'<a class="lens-jump" href="{where}">{escape(gap.sentence)}</a>')
            if len(gaps) > 8:
                st.caption(f"And {len(gaps) - 8} more.")
