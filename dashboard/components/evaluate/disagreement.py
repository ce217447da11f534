"""Disagreement of two runs on the same test pictures: the difference in accuracy, and the
pictures."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.widgets.gallery import gallery, gallery_tiles
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.queries import results
from dashboard.queries.results import Results
from dashboard.state.workspace import current_workspace
from dashboard.text.markdown import plain, shortened
from dashboard.text.wording import count
from ml.errors import BadInputError
from ml.metrics.design_effect import exchange_test
from ml.runs.folder import Run
from ml.workspace import Workspace

PAGE = 12
SIGNIFICANCE_LEVEL = 0.05
"""A difference that chance alone makes less often than this is called one."""


def disagreement(first: tuple[Run, str], second: tuple[Run, str]) -> None:
    """Draw the sentence and the pictures; nothing where a run has no results."""
    workspace = current_workspace()
    try:
        loaded = [results.load(workspace, run) for run, _ in (first, second)]
    except BadInputError:
        return
    one, other = loaded
    if one is None or other is None or one.hashes != other.hashes:
        return
    titles = [plain(shortened(title, 40)) for _, title in (first, second)]
    if titles[0] == titles[1]:
        titles = [f"{title} ({place})" for place, title in enumerate(titles, 1)]
    better = only_right(one, other), only_right(other, one)
    differences = np.zeros(len(one.labels), np.int64)
    differences[better[0]], differences[better[1]] = 1, -1
    st.markdown(f"**{verdict(titles, differences, one.groups)}**")
    for title, places, wrong in zip(titles, better, (other, one), strict=True):
        if len(places):
            lazy_expander(
                f"{count(len(places), 'picture')} that {title} alone has right",
                f"differ-{first[0].id}-{second[0].id}-{wrong is one}",
                partial(_pictures, workspace, wrong, places),
            )


def _pictures(workspace: Workspace, wrong: Results, places: results.Integers) -> None:
    tiles = gallery_tiles(workspace, wrong, places[:PAGE].tolist())
    gallery(tiles, "Each with its truth and what the other run took it for")
    if len(places) > PAGE:
        st.caption(f"The {PAGE} about which the other run was surest.")


def only_right(one: Results, other: Results) -> results.Integers:
    """The places of the pictures that ``one`` has right and ``other`` wrong; those of which
    ``other`` was surest come first."""
    places = np.flatnonzero((one.guesses == one.labels) & (other.guesses != other.labels))
    return places[np.argsort(-other.confidence[places], kind="stable")]


def verdict(titles: list[str], differences: results.Integers, groups: Any = None) -> str:
    """What the exact test says of two runs: ``differences`` (n,) is 1 where only the first is
    right, -1 where only the second is, ``groups`` (n,) the pictures' groups or None."""
    first, second = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    pictures = len(differences)
    if not first + second:
        return f"They are right about the same of {count(pictures, 'test picture')}."
    p_value = exchange_test(differences, groups)
    counts = (
        f"Of {count(pictures, 'test picture')}, {titles[0]} alone has {first} right, "
        f"{titles[1]} alone {second}."
    )
    percent = "less than 0.1" if p_value < 0.001 else f"{100 * p_value:.2g}"
    how = f"({name_of_test(groups)})."
    if p_value < SIGNIFICANCE_LEVEL:
        winner = titles[0] if differences.sum() > 0 else titles[1]
        return (
            f"{counts} {winner} is better on pictures like these: chance alone would make such a "
            f"difference in {percent} % of tests {how}"
        )
    return (
        f"{counts} That does not show that one is better: chance alone would make such a "
        f"difference in {percent} % of tests {how}"
    )


def name_of_test(groups: Any) -> str:
    """What the exact test of two runs is called, where pictures come in ``groups`` or not."""
    if groups is None:
        return "McNemar's exact test"
    return "McNemar's exact test, where pictures of one group count as one coin"
