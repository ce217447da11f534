"""Grouping: pictures of one person or scene that the split keeps on one side."""

from collections import Counter, defaultdict

import streamlit as st

from dashboard.actions.edits import commit_edits
from dashboard.components.widgets.tile_grid import tile, tile_grid
from dashboard.queries.picture_facts import times_of
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.splits.group_rules import (
    MAX_PAUSE_SECONDS,
    Groups,
    by_folder,
    by_name,
    by_number,
    by_time,
    count_torn_groups,
)
from ml.data.splits.splits import in_test, pin_test
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

RULES = ("Folder", "File name", "File number", "Capture time")
MAX_GROUPS = 6
MAX_PICTURES_IN_GROUP = 4


@st.fragment
def grouping(workspace: Workspace, version: DatasetVersion) -> None:
    """Choose what keeps pictures together, see the groups, and decide."""
    st.markdown(
        "Pictures of one person, scene or burst are almost the same. With some in training and "
        "some in the test, the score flatters. Say how to tell what belongs together:"
    )
    rule = st.segmented_control(
        "What belongs together",
        RULES,
        default=RULES[0],
        required=True,
        key="group-way",
        label_visibility="collapsed",
    )
    try:
        groups = _groups(workspace, version, str(rule))
    except BadInputError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return
    numbers: dict[str, list[int]] = defaultdict(list)
    for n, group in enumerate(groups):
        if group is not None:
            numbers[group].append(n)
    several = {group: members for group, members in numbers.items() if len(members) > 1}
    if not several:
        st.caption("No two pictures belong together by that.")
    else:
        _preview(workspace, version, groups, several)
    with st.container(horizontal=True):
        if several and st.button("Keep these together", key="keep-together"):
            commit_edits(workspace, version, grouped(version, groups))
        if any(item.group is not None for item in version.items) and st.button(
            "Remove the groups", key="remove-groups"
        ):
            no_groups: Groups = [None] * len(version.items)
            commit_edits(workspace, version, [{"do": "set_groups", "groups": no_groups}])


def grouped(version: DatasetVersion, groups: Groups) -> list[dict[str, object]]:
    """The edits for a grouped split: the test set stays where no group would be torn."""
    edits: list[dict[str, object]] = [{"do": "set_groups", "groups": groups}]
    if _torn_groups(version, groups):
        edits.append({"do": "draw_test", "seed": version.version})
    return edits


def _groups(workspace: Workspace, version: DatasetVersion, rule: str) -> Groups:
    files = [item.file for item in version.items]
    if rule == "File name":
        pattern = st.text_input(
            "What names the group, as a regular expression",
            "^([^_-]+)[_-]",
            key="group-pattern",
            help="The part in parentheses names the group: ^([^_-]+)[_-] takes what stands before "
            "the first underscore or hyphen.",
        )
        return by_name(files, pattern)
    if rule == "File number":
        return by_number(files)
    if rule == "Capture time":
        seconds = st.number_input(
            "Seconds without a picture that end a group",
            min_value=1,
            max_value=86_400,
            value=int(MAX_PAUSE_SECONDS),
            key="group-seconds",
        )
        with st.spinner("Reading when the pictures were taken"):
            times = times_of(workspace, version)
        return by_time(times, float(seconds))
    return by_folder(files, version.classes)


def _preview(
    workspace: Workspace, version: DatasetVersion, groups: Groups, several: dict[str, list[int]]
) -> None:
    alone = len(groups) - sum(map(len, several.values()))
    sizes = Counter({group: len(members) for group, members in several.items()})
    largest = sizes.most_common(1)[0][1]
    split = _torn_groups(version, groups)
    text = (
        f"{count(len(several), 'group')}, the largest of {count(largest, 'picture')}; "
        f"{count(alone, 'picture')} stand alone."
    )
    text += (
        f" {count(split, 'group is', 'groups are')} torn between test and training now: keeping "
        "them together draws another test set, and scores from before and after cannot be compared."
        if split
        else " None is torn between test and training: the test set stays."
    )
    st.markdown(plain(text))
    shown = [several[group][:MAX_PICTURES_IN_GROUP] for group, _ in sizes.most_common(MAX_GROUPS)]
    tiles = [tile(workspace, version, n, note=str(groups[n])) for members in shown for n in members]
    tile_grid(tiles, "The largest groups", "group-tiles", groups=shown, size=64)


def _torn_groups(version: DatasetVersion, groups: Groups) -> int:
    test_mask = in_test(pin_test(version.classes, version.items))
    return count_torn_groups(groups, [bool(is_test) for is_test in test_mask])
