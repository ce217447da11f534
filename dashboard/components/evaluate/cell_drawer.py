"""Cell drawer: the pictures of a cell of the confusion matrix, to filter, select and relabel."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from dashboard.actions.edits import commit_edits
from dashboard.components.widgets.gallery import gallery, gallery_tiles
from dashboard.components.widgets.item_actions import item_actions, selection_sentence
from dashboard.components.widgets.tile_grid import selectable_tiles, tile
from dashboard.queries.results import Integers, Results
from dashboard.queries.thumbnails import thumbnail
from dashboard.state.keys import drawer_confidence_key, drawer_text_key
from dashboard.state.page_states import DrawerState
from dashboard.state.stored import stored
from dashboard.text.markdown import percentage, plain
from dashboard.text.wording import count
from ml.data.store.picture_key import items_of_keys
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

PAGE = 24
"""How many pictures are shown at first, and by how many more."""
MIN_PICTURES_FOR_FILTERS = 8
"""With more pictures than this in a cell there are filters."""
ANY_CONFIDENCE, ONLY_SURE, ONLY_UNSURE = "All", "Sure", "Not sure"


def cell_drawer(
    workspace: Workspace,
    results: Results,
    version: DatasetVersion | None,
    places: Integers,
    guess: int | None,
    label_text: str,
    key: str,
) -> None:
    """Draw the pictures of a cell.

    Args:
        version: None where the data set is gone: the pictures can then be looked at only.
        places: the places of the pictures in ``results``.
        guess: the column of the cell, a class number; None for all columns.
    """
    if len(places) > MIN_PICTURES_FOR_FILTERS:
        places = _filtered(results, places, key)
        if not len(places):
            st.caption("No picture fits. Widen the filter.")
    limit = PAGE + stored(DrawerState, key).more_pictures
    shown = [int(place) for place in places[:limit]]
    if shown and version is None:
        gallery(gallery_tiles(workspace, results, shown), label_text)
    elif shown and version is not None:
        _editable(workspace, results, version, shown, guess, label_text, key)
    if len(places) > limit:
        st.button(
            f"Show {min(PAGE, len(places) - limit)} more",
            key=f"more-{key}",
            on_click=partial(_show_more, key),
        )


def reset_drawer(key: str) -> None:
    """Reset filters and length of the drawer when another cell is chosen."""
    stored(DrawerState, key).more_pictures = 0
    drawer_confidence_key(key).forget()
    drawer_text_key(key).forget()


def _show_more(key: str) -> None:
    stored(DrawerState, key).more_pictures += PAGE


def _filtered(results: Results, places: Integers, key: str) -> Integers:
    with st.container(horizontal=True, vertical_alignment="center", key=f"filters-{key}"):
        confidence_choice = st.segmented_control(
            "How sure the model was",
            [ANY_CONFIDENCE, ONLY_SURE, ONLY_UNSURE],
            default=ANY_CONFIDENCE,
            required=True,
            key=drawer_confidence_key(key),
            label_visibility="collapsed",
        )
        text = st.text_input(
            "File name",
            key=drawer_text_key(key),
            placeholder="File name",
            label_visibility="collapsed",
            width=170,
            live=True,
        )
    if confidence_choice != ANY_CONFIDENCE:
        places = places[results.sure[places] == (confidence_choice == ONLY_SURE)]
    search_text = text.casefold().strip()
    matching = [int(place) for place in places if search_text in results.files[place].casefold()]
    return np.array(matching, dtype=np.int64)


def _editable(
    workspace: Workspace,
    results: Results,
    version: DatasetVersion,
    shown: list[int],
    guess: int | None,
    label_text: str,
    key: str,
) -> None:
    """The bar of actions stands first, so that it keeps its place whatever the cell holds."""
    bar = st.container(key=f"drawer-bar-{key}")
    numbers = items_of_keys(version, [results.picture(n) for n in shown])
    token = f"{version.fingerprint} {key} {shown[:1]} {len(shown)} {guess}"
    with st.container(key=f"drawer-{key}"):
        chosen = selectable_tiles(
            [
                _tile(workspace, results, version, place, number)
                for place, number in zip(shown, numbers, strict=True)
            ],
            (),
            label_text,
            f"cell-tiles-{key}",
            token,
        )
    number_of_place = dict(zip(shown, numbers, strict=True))
    selected = sorted({n for place in chosen if (n := number_of_place[place]) is not None})
    with bar:
        st.caption(
            selection_sentence(len(selected), 0)
            if selected
            else "Select pictures to put them right."
        )
        name = results.classes[guess] if guess is not None else ""
        if name in version.classes:
            label = version.classes.index(name)
            to_relabel = [n for n in selected if version.items[n].label != label]
            can_relabel = any(version.items[n].label != label for n in numbers if n is not None)
            if can_relabel and st.button(
                f"The label should be {plain(name)}",
                key=f"as-guessed-{key}",
                disabled=not to_relabel,
            ):
                commit_edits(
                    workspace, version, [{"do": "relabel", "items": to_relabel, "label": name}]
                )
        item_actions(workspace, version, selected, f"cell-{key}")


def _tile(
    workspace: Workspace,
    results: Results,
    version: DatasetVersion,
    place: int,
    number: int | None,
) -> dict[str, Any]:
    """A tile under the label that the run was tested with; a newer label stands under it."""
    truth = results.classes[results.labels[place]]
    guess = results.classes[results.guesses[place]]
    surely = percentage(float(results.confidence[place]))
    note = f"{'recognised' if guess == truth else f'taken for {guess}'}, {surely}"
    if number is None:
        return {
            "id": place,
            "source": thumbnail(workspace.root, results.hashes[place]),
            "name": truth,
            "file": results.files[place] or count(1, "picture"),
            "then": "",
            "note": note,
            "badge": "not in the set any more",
            "category": int(results.labels[place]),
            "dim": True,
        }
    item_tile = tile(workspace, version, number, note=note)
    label = item_tile["name"]
    return {**item_tile, "id": place, "name": truth, "then": "" if label == truth else label}
