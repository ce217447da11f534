"""Labelling: uploaded pictures with labels by hand join the run's data set as a new version."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import streamlit as st

from dashboard.actions import retrain
from dashboard.text.wording import count
from dashboard.uploads import session_uploads
from dashboard.uploads.filters import label_of
from dashboard.uploads.session_uploads import Entry
from dashboard.uploads.spool import stage
from dashboard.workers.job import Job
from ml.data.file_names import free_path, safe_path
from ml.data.store.picture_key import PictureKey
from ml.data.store.versions import DatasetVersion
from ml.runs.folder import Run
from ml.workspace import Workspace

TABLE = "labels.csv"


@dataclass(frozen=True)
class LabellingTarget:
    """What can be learned from: the newest ``version`` of the set that a run learned from, and the
    ids of the pictures that are ``there`` already."""

    version: DatasetVersion
    there: frozenset[str]

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that can be given."""
        return self.version.classes

    def ready(self, entries: Sequence[Entry]) -> list[Entry]:
        """The pictures that are ticked, have a label and can be added."""
        return [
            entry
            for entry in entries
            if entry["ticked"]
            and entry["label"]
            and entry["path"]
            and entry["id"] not in self.there
        ]


def labelling_target(workspace: Workspace, run: Run) -> LabellingTarget | None:
    """What pictures can be added to; None where the set of ``run`` is gone."""
    version = retrain.newest_version(workspace, str(run.dataset.get("name", "")))
    if version is None:
        return None
    return LabellingTarget(version, _short_hashes(version, version.fingerprint))


@st.cache_resource(max_entries=4, show_spinner=False)
def _short_hashes(_version: DatasetVersion, fingerprint: str) -> frozenset[str]:
    return frozenset(PictureKey(item.hash).short_hash for item in _version.items)


def mark(entries: Sequence[Entry], run: str, ticked: bool) -> None:
    """Tick pictures, or do not any more. What is ticked has its label from then on, whatever
    another model would guess."""
    for entry in entries:
        entry["ticked"] = ticked
        if ticked:
            entry["label"] = label_of(entry, run)


def put_label(entries: Sequence[Entry], label: str) -> None:
    """Give pictures a label, which also ticks them."""
    for entry in entries:
        entry |= {"label": label, "ticked": True}


def job(workspace: Workspace, name: str, entries: Sequence[Entry]) -> Job:
    """The job that adds pictures with their labels to the data set ``name``, to no test picture.

    Raises:
        BadInputError: one is not held any more.
        WorkspaceError: the disk is full or cannot be written to.
    """
    used_paths = {TABLE}
    paths = [free_path(safe_path(entry["name"]), used_paths) for entry in entries]
    staging = stage(workspace, _files(paths, entries))
    command = ["ingest", str(staging / TABLE), f"--into={name}", "--keep-test"]
    title = f"Adding {count(len(entries), 'picture')} to {name}"
    return Job(command, title, {"into": name, "taught": True}, staging)


def _files(paths: Sequence[PurePosixPath], entries: Sequence[Entry]) -> Iterator[tuple[str, bytes]]:
    """The table first, so that no picture can take its name; one picture in memory at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["file", "label"])
    writer.writerows(
        [str(path), entry["label"]] for path, entry in zip(paths, entries, strict=True)
    )
    yield TABLE, buffer.getvalue().encode("utf-8", "replace")
    for path, entry in zip(paths, entries, strict=True):
        yield str(path), session_uploads.read(entry)
