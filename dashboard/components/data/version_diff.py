"""What became of the pictures and classes of one version in another, with the pictures."""

import streamlit as st

from dashboard.components.widgets.tile_grid import Tile, tile, tile_grid
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.edits.compare import compare
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

PICTURES = 24
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
    found = compare(old, new)
    said = [f"Class {plain(name)} added." for name in found["classes_added"]]
    said += [f"Class {plain(name)} removed." for name in found["classes_removed"]]
    said += [f"Class {plain(a)} is now {plain(b)}." for a, b in found["classes_renamed"]]
    for sentence in said[:PICTURES]:
        st.markdown(sentence)
    was = {item.hash: n for n, item in reversed(list(enumerate(old.items)))}
    now = {item.hash: n for n, item in reversed(list(enumerate(new.items)))}
    for part, words in PARTS.items():
        hashes = found[part]
        if not hashes:
            continue
        st.markdown(f"**{count(len(hashes), 'picture')} {words}**")
        tiles = [_tile(workspace, old, new, was, now, digest) for digest in hashes[:PICTURES]]
        tile_grid(tiles, f"{count(len(hashes), 'picture')} {words}", f"changes-{part}", size=88)
        if len(hashes) > PICTURES:
            st.caption(f"And {len(hashes) - PICTURES:,} more.")
    if not said and not any(found[part] for part in PARTS):
        st.markdown("Both hold the same pictures under the same labels.")


def _tile(
    workspace: Workspace,
    old: DatasetVersion,
    new: DatasetVersion,
    was: dict[str, int],
    now: dict[str, int],
    digest: str,
) -> Tile:
    if digest not in now:
        return tile(workspace, old, was[digest])
    shown = tile(workspace, new, now[digest])
    if digest in was:
        before = old.classes[old.items[was[digest]].label]
        if before != shown["name"]:
            shown |= {"name": before, "then": shown["name"]}
    return shown
