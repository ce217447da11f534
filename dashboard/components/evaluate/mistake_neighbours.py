"""Mistake neighbours: beside each mistake, the training pictures nearest to it in the model's
features."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.widgets.gallery import GalleryTile, figure, gallery_tiles
from dashboard.queries.neighbours import Neighbour, nearest
from dashboard.queries.results import Results
from dashboard.queries.thumbnails import thumbnail
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.errors import MLError
from ml.runs.folder import Run
from ml.workspace import Workspace


def mistake_neighbours(
    workspace: Workspace, run: Run, results: Results, places: Sequence[int], label: str
) -> bool:
    """Draw the pictures at ``places``, each with its neighbours; False where there are none to
    draw, and a sentence said why."""
    try:
        with st.spinner("Comparing with the training pictures"):
            near = nearest(workspace, run, [results.picture(place) for place in places])
    except MLError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return False
    st.caption(finding(results, places, near))
    rows = zip(gallery_tiles(workspace, results, places), near, strict=True)
    items = "".join(
        f"<li>{_row(workspace, results, tile, candidates)}</li>" for tile, candidates in rows
    )
    st.html(f'<ul class="lens-beside" aria-label="{escape(label)}">{items}</ul>')
    return True


def finding(results: Results, places: Sequence[int], near: Sequence[Sequence[Neighbour]]) -> str:
    """Whether the mistakes look like what they were taken for, in a sentence."""
    nearest_labels = [
        (place, candidates[0].label)
        for place, candidates in zip(places, near, strict=True)
        if candidates
    ]
    if not nearest_labels:
        return "There are no training pictures to compare with."
    like_guess = sum(
        label == results.classes[results.guesses[place]] for place, label in nearest_labels
    )
    like_truth = sum(
        label == results.classes[results.labels[place]] for place, label in nearest_labels
    )
    return (
        f"Of {count(len(nearest_labels), 'mistake')}, {like_guess} "
        f"{'looks' if like_guess == 1 else 'look'} most "
        f"like a training picture of the class that it was taken for, {like_truth} like one of "
        f"its own "
        "class. A wrong label among the neighbours teaches the mistake: put it right on Data. The "
        "nearest is on the left; alike is what the network's features say."
    )


def _row(
    workspace: Workspace, results: Results, mistake: GalleryTile, near: Sequence[Neighbour]
) -> str:
    classes = list(results.classes)
    figures = "".join(
        figure(
            GalleryTile(
                thumbnail(workspace.root, neighbour.picture.hash),
                neighbour.label,
                category=classes.index(neighbour.label) if neighbour.label in classes else 0,
            )
        )
        for neighbour in near
    )
    arrow = '<span class="lens-like">looks like</span>' if near else ""
    return f"{figure(mistake)}{arrow}{figures}"
