"""Pictures that belong together (one person, one scene) are kept on one side of the split."""

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

WAYS = ("Folder", "File name", "File number", "Capture time")
SHOWN = 6
EACH = 4


@st.fragment
def grouping(workspace: Workspace, version: DatasetVersion) -> None:
    """Choose what keeps pictures together, see the groups, and decide."""
    st.markdown(
        "Pictures of one person, scene or burst are almost the same. With some in training and "
        "some in the test, the score flatters. Say how to tell what belongs together:"
    )
    way = st.segmented_control(
        "What belongs together",
        WAYS,
        default=WAYS[0],
        required=True,
        key="group-way",
        label_visibility="collapsed",
    )
    try:
        groups = _groups(workspace, version, str(way))
    except BadInputError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return
    numbers: dict[str, list[int]] = defaultdict(list)
    for n, group in enumerate(groups):
        if group is not None:
            numbers[group].append(n)
    large = {group: found for group, found in numbers.items() if len(found) > 1}
    if not large:
        st.caption("No two pictures belong together by that.")
    else:
        _preview(workspace, version, groups, large)
    with st.container(horizontal=True):
        if large and st.button("Keep these together", key="keep-together"):
            commit_edits(workspace, version, grouped(version, groups))
        if any(item.group is not None for item in version.items) and st.button(
            "Remove the groups", key="remove-groups"
        ):
            nothing: Groups = [None] * len(version.items)
            commit_edits(workspace, version, [{"do": "set_groups", "groups": nothing}])


def grouped(version: DatasetVersion, groups: Groups) -> list[dict[str, object]]:
    """The edits for a grouped split: the test set stays where no group would be torn."""
    edits: list[dict[str, object]] = [{"do": "set_groups", "groups": groups}]
    if _torn(version, groups):
        edits.append({"do": "draw_test", "seed": version.version})
    return edits


def _groups(workspace: Workspace, version: DatasetVersion, way: str) -> Groups:
    files = [item.file for item in version.items]
    if way == "File name":
        pattern = st.text_input(
            "What names the group, as a regular expression",
            "^([^_-]+)[_-]",
            key="group-pattern",
            help="The part in parentheses names the group: ^([^_-]+)[_-] takes what stands before "
            "the first underscore or hyphen.",
        )
        return by_name(files, pattern)
    if way == "File number":
        return by_number(files)
    if way == "Capture time":
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
    workspace: Workspace, version: DatasetVersion, groups: Groups, large: dict[str, list[int]]
) -> None:
    alone = len(groups) - sum(map(len, large.values()))
    sizes = Counter({group: len(found) for group, found in large.items()})
    most = sizes.most_common(1)[0][1]
    split = _torn(version, groups)
    told = (
        f"{count(len(large), 'group')}, the largest of {count(most, 'picture')}; "
        f"{count(alone, 'picture')} stand alone."
    )
    told += (
        f" {count(split, 'group is', 'groups are')} torn between test and training now: keeping "
        "them together draws another test set, and scores from before and after cannot be compared."
        if split
        else " None is torn between test and training: the test set stays."
    )
    st.markdown(plain(told))
    shown = [large[group][:EACH] for group, _ in sizes.most_common(SHOWN)]
    tiles = [tile(workspace, version, n, note=str(groups[n])) for found in shown for n in found]
    tile_grid(tiles, "The largest groups", "group-tiles", groups=shown, size=64)


def _torn(version: DatasetVersion, groups: Groups) -> int:
    tested = in_test(pin_test(version.classes, version.items))
    return count_torn_groups(groups, [bool(one) for one in tested])
