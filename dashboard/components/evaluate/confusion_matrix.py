"""Confusion matrix of Evaluate, with the pictures of the chosen cell beside it."""

from functools import partial

import streamlit as st

from dashboard.charts import confusion_matrix as confusion_matrix_chart
from dashboard.components.evaluate.cell_drawer import cell_drawer, reset_drawer
from dashboard.components.evaluate.matrix_table import matrix_table
from dashboard.components.evaluate.retrain_button import retrain_button
from dashboard.queries.results import Results
from dashboard.state.keys import predicted_class_key, true_class_key
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.evaluation.results import MAX_CONFUSED_CLASSES, by_confusion, most_confused
from ml.runs.folder import Run
from ml.workspace import Workspace

ANY = -1
"""Stands for "any class" in the two selectors."""
UNITS: dict[str, confusion_matrix_chart.Share] = {
    "Counts": "",
    "% of row": "row",
    "% of column": "column",
}


@st.fragment
def confusion_matrix(
    workspace: Workspace, results: Results, run: Run, version: DatasetVersion | None
) -> None:
    """Draw matrix and drawer. ``version`` is the newest of the set, None where it is gone.

    The choice is that of the two selectors, which a click on the matrix sets: so everything that
    the mouse can do, the keyboard can do too.
    """
    key = results.key
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, key=f"card-matrix-{key}"):
        _matrix(results, key)
    with right, st.container(border=True, key=f"card-drawer-{key}"):
        _drawer(workspace, results, version, key)
        if results.own:
            retrain_button(workspace, run, version)


def chosen(key: str) -> tuple[int | None, int | None]:
    """The chosen (truth, guess) as class indices; None is any class."""
    truth, guess = true_class_key(key).value(ANY), predicted_class_key(key).value(ANY)
    return (None if truth == ANY else truth), (None if guess == ANY else guess)


def choose(key: str, truth: int = ANY, guess: int = ANY) -> None:
    """Open the drawer for a cell, a row or a column; for nothing, close it."""
    true_class_key(key).set(truth)
    predicted_class_key(key).set(guess)
    reset_drawer(key)


def _matrix(results: Results, key: str) -> None:
    st.markdown(f"#### {_finding(results)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        unit = st.segmented_control(
            "Numbers in the cells",
            list(UNITS),
            default="Counts",
            required=True,
            key=f"unit-{key}",
            label_visibility="collapsed",
        )
        shown = _shown_classes(results, key)
    matrix_table(
        confusion_matrix_chart.matrix(
            results.report["confusion"],
            results.classes,
            share=UNITS[unit or "Counts"],
            shown=shown,
            chosen=chosen(key),
        ),
        key=f"matrix-{key}",
        alt=f"Confusion matrix of {count(len(shown), 'class', 'classes')}. {_finding(results)}",
        press=lambda row, column: choose(key, shown[row], shown[column]),
    )
    st.caption(
        "A row is what the pictures are labelled, a column what the model said. Click a cell to "
        "see its pictures."
    )


def _shown_classes(results: Results, key: str) -> list[int]:
    """Draw the choice of classes and of their order; the chosen class numbers, in that order."""
    confusion = results.report["confusion"]
    shown = list(range(len(results.classes)))
    if len(shown) > confusion_matrix_chart.MAX_NAMED_CLASSES:
        some_label = f"The {MAX_CONFUSED_CLASSES} most confused"
        scope = st.segmented_control(
            "Classes shown",
            [some_label, f"All {len(shown)} classes"],
            default=some_label,
            required=True,
            key=f"scope-{key}",
            label_visibility="collapsed",
        )
        if scope == some_label:
            shown = most_confused(confusion)
    if len(shown) > 2 and st.toggle("Most confused first", key=f"ranked-{key}"):
        shown = [one for one in by_confusion(confusion) if one in set(shown)]
    return shown


def _finding(results: Results) -> str:
    """The one thing that the matrix says."""
    worst = results.confusions(1)
    if not worst:
        return "No test picture was taken for another class"
    truth, guess, number = worst[0]
    names = plain(results.classes[truth]), plain(results.classes[guess])
    total = sum(results.report["confusion"][truth])
    return f"Most often, {names[0]} is taken for {names[1]}: {number} of {total}"


def _drawer(
    workspace: Workspace, results: Results, version: DatasetVersion | None, key: str
) -> None:
    """Heading and selectors stand first in either state, so that they keep the keyboard's focus."""
    truth, guess = chosen(key)
    nothing = truth is None and guess is None
    places = results.where(truth, guess)
    heading = sentence(results, truth, guess, len(places))
    st.markdown(f"#### {'See the pictures behind a cell' if nothing else heading}")
    _selectors(results, key)
    if nothing:
        _confusions(results, key)
        return
    if len(places):
        cell_drawer(workspace, results, version, places, guess, heading, key)
    st.button("Close", key=f"close-{key}", on_click=partial(choose, key), type="tertiary")


def sentence(results: Results, truth: int | None, guess: int | None, number: int) -> str:
    """What the drawer holds, as Markdown: "3 pictures of glass, taken for metal"."""
    guess_name = plain(results.classes[guess]) if guess is not None else "any class"
    if truth is None:
        return f"{count(number, 'picture')} taken for {guess_name}"
    subject = f"{count(number, 'picture')} of {plain(results.classes[truth])}"
    if guess is None:
        return subject
    return f"{subject}, recognised" if truth == guess else f"{subject}, taken for {guess_name}"


def _confusions(results: Results, key: str) -> None:
    """The most frequent mistakes as buttons: the cells worth opening."""
    worst = results.confusions(6)
    if not worst:
        st.write("There are no mistakes to look at. Choose a class to see its pictures.")
        return
    st.caption("The most frequent mistakes:")
    for truth, guess, number in worst:
        names = plain(results.classes[truth]), plain(results.classes[guess])
        st.button(
            f"{names[0]} taken for {names[1]} · {number}",
            key=f"cell-{key}-{truth}-{guess}",
            on_click=partial(choose, key, truth, guess),
            width="stretch",
        )


def _selectors(results: Results, key: str) -> None:
    options = [ANY, *range(len(results.classes))]

    def name(one: int) -> str:
        return "any class" if one == ANY else results.classes[one]

    selectors = {"Truth": true_class_key(key), "Guess": predicted_class_key(key)}
    for column, (label, selector) in zip(st.columns(2), selectors.items(), strict=True):
        selector.set_default(ANY)
        column.selectbox(label, options, format_func=name, key=selector)
