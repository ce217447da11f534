"""Split panel: how many pictures are for training, validation and test, and what decides it."""

from collections import Counter

import streamlit as st

from dashboard.actions.edits import commit_edits
from dashboard.components.data.grouping import grouping
from dashboard.queries.datasets import split_of
from dashboard.state.keys import GROUPING_FOLD
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.config import TrainConfig
from ml.data.splits.splits import split_indices
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

MAX_PICTURES_FOR_FOLDS = 30
FOLDS = (
    "In a small set a test of a few pictures says little: another few would give another figure. "
    "With folds, the pictures that train and validate are cut into equal parts, and as many models "
    "are trained, each validated on another part. Their mean is a surer figure, and their spread "
    "says how sure. The test set takes no part. Folds are among the settings of Train; from "
    f"{MAX_PICTURES_FOR_FOLDS} pictures a class on they are rarely worth their time."
)


def split_panel(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the table, what decides, and the ways to decide otherwise."""
    if not version.items:
        st.caption("There is no picture to split yet.")
        return
    if any(split_of(version)):
        _table(version)
    else:
        _split_error(version)
    for sentence in split_rules(version):
        st.markdown(plain(sentence))
    with st.container(horizontal=True, vertical_alignment="center"):
        _draw_test_set(workspace, version)
    with st.expander("Keep pictures together", key=GROUPING_FOLD, on_change="rerun") as fold:
        if fold.open:
            grouping(workspace, version)
    with st.expander("Folds, for small sets", key="folds"):
        st.markdown(plain(FOLDS))


def split_rules(version: DatasetVersion) -> list[str]:
    """What decides on which side a picture is, a sentence each."""
    used_items = [item for item in version.items if not item.excluded]
    source_splits = {item.split for item in used_items}
    if len(source_splits) > 1 and source_splits & {"train", "val"}:
        sentences = ["The source decided: its folders or its list named the side of each picture."]
        if None in source_splits:
            sentences.append("What came without a side trains or validates.")
    else:
        sentences = [
            "15 % of each class are the test set. It was decided once: more pictures, other labels "
            "or another seed never move a picture into it or out of it, apart from new ones."
        ]
    sentences.append(
        "Training and validation are dealt out by the split seed of a run, so that each has its "
        "share of every class."
    )
    groups = Counter(item.group for item in used_items if item.group is not None)
    if groups:
        sentences.append(
            f"{count(sum(groups.values()), 'picture')} belong to {count(len(groups), 'group')}. "
            "Those of one group are all on one side."
        )
    sides = split_of(version)
    on_two_sides = sum(
        not side and not item.excluded for side, item in zip(sides, version.items, strict=True)
    )
    if on_two_sides and any(sides):
        sentences.append(
            f"{count(on_two_sides, 'picture')} would be on two sides and count on the later one "
            f"alone."
        )
    return sentences


def _table(version: DatasetVersion) -> None:
    sides = split_of(version)
    counts = Counter((item.label, side) for item, side in zip(version.items, sides, strict=True))
    out = Counter(item.label for item in version.items if item.excluded)
    names = {"Training": "train", "Validation": "val", "Test": "test"}
    labels = range(len(version.classes))
    columns = {word: [counts[label, side] for label in labels] for word, side in names.items()}
    columns["Excluded"] = [out[label] for label in labels]
    total = ", ".join(f"{sum(columns[word]):,} {word.lower()}" for word in names)
    st.markdown(f"#### {total}")
    st.dataframe(
        {"Class": list(version.classes), **columns},
        hide_index=True,
        height=420 if len(version.classes) > 11 else "auto",
        column_config={"Class": st.column_config.TextColumn(pinned=True)},
        alt="How many pictures of each class train, validate and test",
    )


def _split_error(version: DatasetVersion) -> None:
    try:
        split_indices(version, TrainConfig().split_seed)
    except BadInputError as error:
        st.warning(plain(str(error)), icon=":material/error:")


def _draw_test_set(workspace: Workspace, version: DatasetVersion) -> None:
    with st.popover("Draw another test set", icon=":material/shuffle:", key="draw-test"):
        st.markdown(
            "Other pictures will test from then on, 15 % of each class. Scores from before and "
            "after cannot be compared: a new figure may be better or worse by luck alone. What "
            "the source decided is no longer kept. Undo brings the old test set back."
        )
        if st.button("Draw another test set", key="really-draw-test"):
            commit_edits(workspace, version, [{"do": "draw_test", "seed": version.version}])
