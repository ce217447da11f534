"""Finding card: a finding of the doctor with its reason, its pictures and its fixes."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from typing import Any

import streamlit as st

from dashboard.actions.carried_findings import restrict_fix
from dashboard.actions.edits import commit_edits, ignore_finding
from dashboard.components.widgets.tile_grid import tile, tile_grid
from dashboard.queries.datasets import by_score, split_of
from dashboard.state.keys import DATA_PANEL
from dashboard.state.messages import FINDING_TO_SHOW
from dashboard.text.html import escape
from dashboard.text.markdown import plain, shortened
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.doctor.registry import kind_of
from ml.workspace import Workspace

MAX_PICTURES = 8
MAX_GROUPS = 4
MAX_SUSPECTS = 10
MARKS = {
    "high": ("error", "red", "Serious"),
    "medium": ("warning", "orange", "Worth a look"),
    "low": ("info", "gray", "Minor"),
}
SIDE_WORDS = {"train": "training", "val": "validation", "test": "test", "": ""}


def finding_card(
    workspace: Workspace,
    version: DatasetVersion,
    finding: Mapping[str, Any],
    ignored_keys: Set[str],
) -> None:
    """Draw the card. ``ignored_keys`` are the keys of what is ignored, single suspects among
    them."""
    key = hashlib.sha256(finding["key"].encode()).hexdigest()[:12]
    icon, colour, word = MARKS[finding["severity"]]
    with st.container(border=True, key=f"card-finding-{key}"):
        st.markdown(
            f"#### {plain(finding['title'])} :{colour}-badge[:material/{icon}: {word}]",
            width="stretch",
        )
        st.html(
            f'<p class="lens-told">{escape(finding["why"])} '
            f'<span class="lens-quiet">{escape(finding["advice"])}</span></p>'
        )
        open_items = open_suspects(version, finding, ignored_keys) if finding["labels"] else None
        remaining = len(finding["items"] if open_items is None else open_items)
        if remaining < finding.get("was", len(finding["items"])):
            st.caption(f"{count(remaining, 'picture')} left; the others are answered.")
        shown = finding["items"] if open_items is None else open_items
        tested = _left_to_a_person(version, finding, shown)
        if open_items is not None:
            _suspects(workspace, version, finding, [n for n in shown if n not in tested], key)
        else:
            _pictures(workspace, version, finding, key)
        _test_pictures(workspace, version, finding, tested, key)
        _buttons(workspace, version, finding, open_items, key)


def confirmed_label_key(version: DatasetVersion, place: int) -> str:
    """What the label of a picture is known by once somebody has confirmed it."""
    item = version.items[place]
    return f"kept {item.hash} {version.classes[item.label]}"


def open_suspects(
    version: DatasetVersion, finding: Mapping[str, Any], ignored_keys: Set[str]
) -> list[int]:
    """The likely label errors that nobody has confirmed or kept yet, the likeliest first."""
    return [n for n in by_score(finding) if confirmed_label_key(version, n) not in ignored_keys]


def _left_to_a_person(
    version: DatasetVersion, finding: Mapping[str, Any], items: Sequence[int]
) -> list[int]:
    """The test pictures of a finding, which are changed one by one; of leaks the test stays."""
    if kind_of(finding["kind"]).shows_split:
        return []
    sides = split_of(version)
    return [n for n in items if sides[n] == "test"]


def _pictures(
    workspace: Workspace, version: DatasetVersion, finding: Mapping[str, Any], key: str
) -> None:
    groups = finding["groups"][:MAX_GROUPS]
    shown = [n for group in groups for n in group[:MAX_PICTURES]] or by_score(finding)[
        :MAX_PICTURES
    ]
    if not shown:
        return
    sides = split_of(version) if kind_of(finding["kind"]).shows_split else ()
    badges = {n: SIDE_WORDS[sides[n]] if sides else "" for n in shown}
    tiles = [
        tile(workspace, version, n, note=_file(version, n), badge=badge)
        for n, badge in badges.items()
    ]
    shown_groups = [group[:MAX_PICTURES] for group in groups]
    tile_grid(
        tiles, f"Pictures of: {finding['title']}", f"finding-{key}", groups=shown_groups, size=88
    )
    hidden = len(finding["items"]) - len(tiles)
    if hidden > 0:
        st.caption(f"And {count(hidden, 'more picture')}.")


def _suspects(
    workspace: Workspace,
    version: DatasetVersion,
    finding: Mapping[str, Any],
    open_items: list[int],
    key: str,
) -> None:
    """Each picture with its label, what it may be instead, and both answers as buttons."""
    if open_items:
        _answered_one_by_one(
            workspace,
            version,
            finding,
            open_items,
            "Pictures whose label is perhaps wrong, with the label that may be right",
            f"finding-{key}",
            {"relabel": "Relabel", "keep": "Keep"},
        )


def _test_pictures(
    workspace: Workspace,
    version: DatasetVersion,
    finding: Mapping[str, Any],
    tested: list[int],
    key: str,
) -> None:
    """The test pictures of a finding, apart: no button of the card reaches them."""
    if not tested or not (finding["labels"] or finding["fixes"]):
        return
    st.markdown(f"**{count(len(tested), 'test picture')}, to be changed one by one**")
    st.caption(
        "Look before you change one. It changes the test itself: the scores of all runs so far are "
        "by the test as it was."
    )
    actions = (
        {"exclude": "Exclude", "keep": "Keep"} if finding["labels"] else {"exclude": "Exclude"}
    )
    if finding["labels"]:
        actions = {"relabel": "Relabel"} | actions
    _answered_one_by_one(
        workspace,
        version,
        finding,
        tested,
        f"Test pictures of: {finding['title']}",
        f"finding-test-{key}",
        actions,
    )


def _answered_one_by_one(
    workspace: Workspace,
    version: DatasetVersion,
    finding: Mapping[str, Any],
    items: list[int],
    heading: str,
    key: str,
    actions: Mapping[str, str],
) -> None:
    """Large tiles, each with the label it may get and with buttons for itself alone."""
    labels = {int(n): label for n, label in finding["labels"].items()}
    tiles = []
    for n in items[:MAX_SUSPECTS]:
        shown = tile(workspace, version, n, note=_file(version, n))
        tiles.append(shown | {"then": labels.get(n, "")})
    token = f"{version.fingerprint} {len(items)}"
    action = tile_grid(tiles, heading, key, actions=actions, token=token, size=150)
    if len(items) > len(tiles):
        st.caption(f"And {count(len(items) - len(tiles), 'more picture')}, as these are answered.")
    if action is None:
        return
    place, answer = action
    if answer == "exclude":
        commit_edits(workspace, version, [{"do": "exclude", "items": [place]}])
    if answer == "relabel" and place in labels:
        edit = {"do": "relabel", "items": [place], "label": labels[place]}
        commit_edits(workspace, version, [edit])
    ignore_finding(workspace, version, confirmed_label_key(version, place))


def _buttons(
    workspace: Workspace,
    version: DatasetVersion,
    finding: Mapping[str, Any],
    open_items: list[int] | None,
    key: str,
) -> None:
    fixes = bulk_fixes(version, finding, open_items)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if fixes and st.button(_fix_label(fixes[0]), key=f"fix-{key}", icon=":material/build:"):
            commit_edits(workspace, version, fixes[0]["edits"])
        if len(fixes) > 1:
            other = st.menu_button(
                "Other ways",
                range(1, len(fixes)),
                format_func=lambda place: _fix_label(fixes[place]),
                key=f"fixes-{key}",
            )
            if other:
                commit_edits(workspace, version, fixes[other]["edits"])
        if finding["items"] and st.button("See the pictures", key=f"see-{key}"):
            FINDING_TO_SHOW.send(finding["key"])
            DATA_PANEL.set("Look and change")
            st.rerun()
        if st.button("Ignore", key=f"ignore-{key}", type="tertiary"):
            ignore_finding(workspace, version, finding["key"])


def bulk_fixes(
    version: DatasetVersion, finding: Mapping[str, Any], open_items: Sequence[int] | None
) -> list[dict[str, Any]]:
    """The fixes of a finding, without test pictures; of ``open_items`` alone where given."""
    tested = set(_left_to_a_person(version, finding, finding["items"]))
    changeable = [n for n in range(len(version.items)) if n not in tested]
    if open_items is not None:  # what was kept stays as it is
        changeable = [n for n in open_items if n not in tested]
    fixes = [restrict_fix(fix, {n: n for n in changeable}) for fix in finding["fixes"]]
    if open_items is not None and finding["fixes"]:  # none where most suspects are right
        fixes.append(_relabel_all(finding, changeable))
    return [fix for fix in fixes if fix["edits"]]


def _relabel_all(finding: Mapping[str, Any], open_items: list[int]) -> dict[str, Any]:
    """The fix that takes every suggestion that is left."""
    items: dict[str, list[int]] = {}
    for n in open_items:
        if label := finding["labels"].get(str(n)):
            items.setdefault(label, []).append(n)
    edits = [{"do": "relabel", "items": of, "label": label} for label, of in items.items()]
    return {"label": f"Relabel all {sum(map(len, items.values()))}", "edits": edits}


def _fix_label(fix: Mapping[str, Any]) -> str:
    return plain(shortened(str(fix["label"]), 60))


def _file(version: DatasetVersion, place: int) -> str:
    return version.items[place].file.rpartition("/")[2] or f"picture {place + 1}"
