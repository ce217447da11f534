"""Version list: all versions of a data set, to look at, compare and restore."""

from typing import Any

import streamlit as st

from dashboard.actions.edits import restore_version
from dashboard.components.data.version_diff import version_diff
from dashboard.components.widgets.tile_grid import tile, tile_grid
from dashboard.queries.datasets import Query, places, version_at
from dashboard.state.page_states import DataState
from dashboard.state.stored import stored
from dashboard.text.html import escape
from dashboard.text.wording import ago, count
from ml.data.edits.edits import history
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

SHOWN_AT_FIRST = 8
PAGE = 36
ANY = -1


@st.fragment
def version_list(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the versions, the newest first, and above them the one that is looked at."""
    summaries = history(workspace, version.name)
    numbers = [int(summary["version"]) for summary in summaries]
    state = stored(DataState)
    view = state.version_view
    if view and view["name"] == version.name and set(view["of"]) <= set(numbers):
        with st.container(border=True, key="card-version-view"):
            if len(view["of"]) == 1:
                _look(workspace, version.name, view["of"][0])
            else:
                _compare(workspace, version.name, view, numbers)
            if st.button("Close", key="close-version", type="tertiary"):
                state.version_view = None
                st.rerun(scope="fragment")
    limit = SHOWN_AT_FIRST + state.more_versions
    for summary in summaries[:limit]:
        _row(workspace, version, summary)
    if len(summaries) > limit and st.button(
        f"Show {count(min(SHOWN_AT_FIRST, len(summaries) - limit), 'more version')}",
        key="more-versions",
    ):
        state.more_versions += SHOWN_AT_FIRST
        st.rerun(scope="fragment")


def _row(workspace: Workspace, version: DatasetVersion, summary: dict[str, Any]) -> None:
    name, number, newest = version.name, int(summary["version"]), version.version
    parent = int(summary["parent"] or number - 1)
    pair = (parent, number) if number == newest else (number, newest)
    with (
        st.container(border=True, key=f"card-version-{number}"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.html(_row_html(summary, newest))
        with st.container(horizontal=True, width="content", gap="small"):
            st.button("Look", key=f"look-version-{number}", on_click=_view, args=(name, number))
            if pair[0] > 0:
                compare_key = f"compare-version-{number}"
                st.button("Compare", key=compare_key, on_click=_view, args=(name, *pair))
            if number != newest and st.button(
                "Restore",
                key=f"restore-version-{number}",
                help="It becomes the newest again. The others stay.",
            ):
                stored(DataState).version_view = None
                restore_version(workspace, version, number)


def _row_html(summary: dict[str, Any], newest: int) -> str:
    """What a row says, as HTML."""
    number, counts = int(summary["version"]), summary["classes"]
    facts = [ago(float(summary["time"]))] if summary["time"] else []
    facts.append(count(sum(counts.values()), "picture"))
    facts.append(count(len(counts), "class", "classes"))
    if summary["excluded"]:
        facts.append(f"{int(summary['excluded']):,} excluded")
    newest_word = "<em>newest</em>" if number == newest else ""
    return (
        f'<div class="lens-version-row"><p><strong>Version {number}</strong>{newest_word} '
        f"{escape(summary['change'] or 'Brought in.')}</p>"
        f"<small>{' · '.join(escape(fact) for fact in facts)}</small></div>"
    )


def _view(name: str, *numbers: int) -> None:
    stored(DataState).version_view = {"name": name, "of": list(numbers)}


def _look(workspace: Workspace, name: str, number: int) -> None:
    """An older version, to look at alone."""
    old = version_at(workspace, name, number)
    st.markdown(f"#### Version {number}, to look at")
    label = st.selectbox(
        "Class",
        [ANY, *range(len(old.classes))],
        format_func=lambda n: "All" if n == ANY else old.classes[n],
        key=f"look-version-class-{number}",
        width=240,
    )
    numbers = places(workspace, old, Query(label=None if label == ANY else label))
    if not numbers:
        st.caption("There is no picture.")
        return
    pages = -(-len(numbers) // PAGE)
    grid = st.container()
    page = 1
    if pages > 1:
        page = min(pages, st.pagination(pages, key=f"look-version-page-{number}-{label}"))
    shown = numbers[(page - 1) * PAGE : page * PAGE]
    with grid:
        tiles = [tile(workspace, old, n) for n in shown]
        tile_grid(tiles, f"Pictures of version {number}", "version-tiles")


def _compare(workspace: Workspace, name: str, view: dict[str, Any], numbers: list[int]) -> None:
    """Two versions side by side: what came, what went, what is called otherwise."""
    st.markdown("#### What changed")
    chosen = []
    with st.container(horizontal=True):
        for word, number in zip(("From version", "To version"), view["of"], strict=True):
            key = f"{word}-{view['of']}"
            index = numbers.index(number)
            chosen.append(st.selectbox(word, numbers, index=index, key=key, width=150))
    if chosen != view["of"]:
        view["of"] = chosen
        st.rerun(scope="fragment")
    version_diff(workspace, *(version_at(workspace, name, number) for number in chosen))
