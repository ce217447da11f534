"""Upload on Data: drop zones, a folder's path, and named data sets of hubs.

Uploads are put on disk and handed to a child, ``python -m ml ingest``. The drop zone then gets a
new key, which empties it: the server need not hold the files twice.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.components.data.ingest_progress import (
    queue_ingest,
    report_ingest_error,
    start_ingest,
)
from dashboard.server import limits
from dashboard.state.keys import folder_path_key
from dashboard.state.page_states import IngestState
from dashboard.state.stored import stored
from dashboard.state.widget_key import WidgetKey
from dashboard.state.workspace import current_workspace
from dashboard.text.wording import count
from dashboard.uploads.spool import stage
from dashboard.workers.job import Job
from ml.data.file_names import safe_path
from ml.data.ingest.bring_in import BUNDLED_NAMES, slug
from ml.data.sources.hub_registry import Hub, all_hubs
from ml.data.store.versions import dataset_names
from ml.errors import WorkspaceError
from ml.utils.paths import example_folder
from ml.workspace import Workspace

TABLES = {".csv", ".tsv"}
LOCAL_ALTERNATIVE = "Name their folder on this computer instead."


def drop_zone(label: str, key: str, follow_up: dict[str, Any], *, folder: bool = False) -> None:
    """A place to drop files on, or a whole ``folder``. What is dropped is taken in at once.

    ``follow_up`` may have ``into``, the set to add to (otherwise a new one is made), and ``label``,
    the
    class that all pictures go into.
    """
    limit = limits.limits()
    state = stored(IngestState)
    files = st.file_uploader(
        label,
        accept_multiple_files="directory" if folder else True,
        key=f"{key}-{state.upload_turn}",
        max_upload_size=limit.megabytes_a_file,
    )
    if files:
        state.upload_turn += 1
        ingest_uploads([(file.name, file.getbuffer()) for file in files], follow_up)
        st.rerun()


def ingest_uploads(
    files: Sequence[tuple[str, bytes | memoryview]], follow_up: dict[str, Any]
) -> None:
    """Put uploaded ``files`` (name, content) on disk and start bringing them in."""
    workspace = current_workspace()
    if refusal := over_limit([len(data) for _, data in files]):
        report_ingest_error(refusal)
        return
    archives = [file for file in files if file[0].lower().endswith(".zip")]
    others = [file for file in files if file not in archives]
    try:
        for group in (*([archive] for archive in archives), others):
            if group:
                queue_ingest(
                    job_of(
                        workspace, stage(workspace, group), [name for name, _ in group], follow_up
                    )
                )
    except WorkspaceError as error:
        report_ingest_error(str(error))


def over_limit(sizes: Sequence[int], instead: str = LOCAL_ALTERNATIVE) -> str:
    """What is said of a drop with files of these ``sizes`` that is too much, and what to do
    ``instead`` on one's own computer; else empty."""
    limit, total = limits.limits(), sum(sizes)
    alternative = f" {instead}" if limits.local_mode() else ""
    if len(sizes) > limit.files:
        return f"{len(sizes):,} files are too many: {limit.files:,} at a time.{alternative}"
    if total > limit.megabytes * 1e6:
        maximum = f"{limit.megabytes:,} MB at a time are the most."
        return f"That is {total / 1e6:,.0f} MB. {maximum}{alternative}"
    if max(sizes, default=0) > limit.megabytes_a_file * 2**20:
        return f"A file may have {limit.megabytes_a_file:,} MB at most.{alternative}"
    state = stored(IngestState)
    uploaded = state.uploaded_bytes + total
    if limit.session_megabytes and uploaded > limit.session_megabytes * 1e6:
        return (
            f"This server takes {limit.session_megabytes:,} MB from one visitor, and that is "
            "reached. Run Lensmith on your own computer for more."
        )
    state.uploaded_bytes = uploaded
    return ""


def job_of(
    workspace: Workspace, staging: Path, names: Sequence[str], follow_up: dict[str, Any]
) -> Job:
    """The job that brings in what ``stage`` put into ``staging`` from files of these ``names``."""
    source, title = _source(staging, names)
    command = ["ingest", str(source)]
    if follow_up.get("into"):
        command.append(f"--into={follow_up['into']}")
    else:
        command.append(f"--name={free_name(workspace, title)}")
    if follow_up.get("label"):
        command.append(f"--class={follow_up['label']}")
    label = follow_up.get("label") or follow_up.get("into")
    return Job(command, f"Reading {title}", {**follow_up, "into": label or ""}, staging)


def free_name(workspace: Workspace, title: str) -> str:
    """A name like ``title`` that no data set has."""
    base, used_names = slug(title), {*dataset_names(workspace), *BUNDLED_NAMES}
    names = (
        base if number == 1 else f"{base}-{number}" for number in range(1, len(used_names) + 2)
    )
    return next(name for name in names if name not in used_names)


def _source(staging: Path, names: Sequence[str]) -> tuple[Path, str]:
    """What the child is to read in ``staging``, and what to call it."""
    paths = [safe_path(name) for name in names]
    tops = {path.parts[0] for path in paths}
    tables = [path for path in paths if path.suffix.lower() in TABLES]
    if len(tables) == 1:
        return staging / tables[0], tables[0].stem
    if len(paths) == 1 and len(paths[0].parts) == 1:
        return staging / paths[0], paths[0].stem
    if len(tops) == 1:
        (top,) = tops
        return staging / top, top
    return staging, count(len(names), "file")


def well_known(workspace: Workspace) -> None:
    """The sets of every hub, by name."""
    for hub in all_hubs():
        _sets_of(hub)


def _sets_of(hub: Hub) -> None:
    sets = {entry.name: entry for entry in hub.list()}
    name = st.selectbox(
        hub.help,
        list(sets),
        index=None,
        placeholder="Choose one",
        format_func=lambda key: sets[key].words,
        key=f"named-set-{hub.name}",
    )
    if name and st.button(f"Get {sets[name].title}", key=f"get-named-set-{hub.name}"):
        queue_ingest(Job(["ingest", f"{hub.name}:{name}"], f"Getting {sets[name].title}"))
        st.rerun()


def folder_path(follow_up: dict[str, Any], key: str) -> None:
    """A folder, zip or CSV on this computer, by its path; in local mode alone."""
    if limits.local_mode():
        st.text_input(
            "Or a folder on this computer",
            key=folder_path_key(key),
            placeholder=example_folder("pictures"),
            help="A folder with one folder of pictures for each class, a zip, or a CSV beside the "
            "pictures. It is read where it is.",
            on_change=_path_given,
            args=(folder_path_key(key), follow_up),
        )


def _path_given(field: WidgetKey[str], follow_up: dict[str, Any]) -> None:
    text = field.value("").strip().strip("\"'")
    if text and start_ingest(text, follow_up):
        field.set("")
