"""Version diff: the pictures and classes that differ between two versions of a data set."""

import streamlit as st

from dashboard.components.widgets.tile_grid import Tile, tile, tile_grid
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.edits.compare import compare
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

MAX_PICTURES = 24
PARTS = {
    "added": "added",
    "removed": "removed",
    "relabelled": "with another label",
    "excluded": "excluded",
    "included": "included again",
    "to_test": "now in the test set",
    "from_test": "no longer in the test set",
}


def version_diff(workspace: Workspace, old: DatasetVersion, new: DatasetVersion) -> None:
    """Draw every kind of change from ``old`` to ``new``."""
    changes = compare(old, new)
    sentences = [f"Class {plain(name)} added." for name in changes["classes_added"]]
    sentences += [f"Class {plain(name)} removed." for name in changes["classes_removed"]]
    sentences += [f"Class {plain(a)} is now {plain(b)}." for a, b in changes["classes_renamed"]]
    for sentence in sentences[:MAX_PICTURES]:
        st.markdown(sentence)
    old_numbers = {item.hash: n for n, item in reversed(list(enumerate(old.items)))}
    new_numbers = {item.hash: n for n, item in reversed(list(enumerate(new.items)))}
    for part, words in PARTS.items():
        hashes = changes[part]
        if not hashes:
            continue
        st.markdown(f"**{count(len(hashes), 'picture')} {words}**")
        tiles = [
            _tile(workspace, old, new, old_numbers, new_numbers, digest)
            for digest in hashes[:MAX_PICTURES]
        ]
        tile_grid(tiles, f"{count(len(hashes), 'picture')} {words}", f"changes-{part}", size=88)
        if len(hashes) > MAX_PICTURES:
            st.caption(f"And {len(hashes) - MAX_PICTURES:,} more.")
    if not sentences and not any(changes[part] for part in PARTS):
        st.markdown("Both hold the same pictures under the same labels.")


def _tile(
    workspace: Workspace,
    old: DatasetVersion,
    new: DatasetVersion,
    old_numbers: dict[str, int],
    new_numbers: dict[str, int],
    digest: str,
) -> Tile:
    if digest not in new_numbers:
        return tile(workspace, old, old_numbers[digest])
    picture_tile = tile(workspace, new, new_numbers[digest])
    if digest in old_numbers:
        old_label = old.classes[old.items[old_numbers[digest]].label]
        if old_label != picture_tile["name"]:
            picture_tile |= {"name": old_label, "then": picture_tile["name"]}
    return picture_tile
