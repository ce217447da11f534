"""The run folder: create it, find it, read and write its files.

A run is a folder; its files and who writes each of them are in the README of the workspace layout
(``docs/run-folder.md``). The creator writes config, dataset and meta, the worker everything else,
a page only ``stop`` and ``meta.json``.
"""

import contextlib
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.runs import status as run_status
from ml.runs.events import Event, RunStarted, read
from ml.runs.file_types import FILES, Meta, Model, Report, RunDataset, is_report
from ml.runs.status import Status, status_of
from ml.utils.files import explain_os_error, read_json, write_json
from ml.utils.locks import held
from ml.utils.typed_json import is_damaged, read_typed
from ml.workspace import Workspace

MAX_SHOWN_ID = 60
"""Letters of an id that a sentence repeats."""


@dataclass(frozen=True)
class Run:
    """One run folder. Nothing is cached: each property reads the file anew."""

    folder: Path

    @property
    def id(self) -> str:
        """The name of its folder: when it was made, of what, and four random digits."""
        return self.folder.name

    @property
    def config(self) -> TrainConfig:
        """Raises BadInputError when ``config.json`` is missing or damaged."""
        content = read_json(self.folder / "config.json")
        if content is None:
            raise BadInputError(f"The configuration of run {self.id} cannot be read. Train anew.")
        return TrainConfig.from_json(content)

    @property
    def settings(self) -> TrainConfig:
        """The configuration, with the epochs that a resume asked for."""
        asked = (self.meta.get("resume") or {}).get("epochs")
        return self.config.changed(epochs=asked, minutes=0.0) if asked else self.config

    @property
    def epochs(self) -> int:
        """How many epochs it has in all: as configured, as a resume asked for, or as many as its
        limit of time has room for."""
        settings = self.settings
        planned = [
            event.epochs
            for event in (self.events()[0] if settings.minutes else ())
            if isinstance(event, RunStarted)
        ]
        return planned[-1] if planned else settings.epochs

    @property
    def without_limit(self) -> TrainConfig:
        """The settings of the same training where no clock decides."""
        return self.settings.changed(epochs=self.epochs, minutes=0.0)

    @property
    def meta(self) -> dict[str, Any]:
        """What people and pages say of it: name, tags, notes, parent."""
        return read_typed(self.folder / "meta.json", Meta) or {}

    @property
    def name(self) -> str:
        """What it is called: the given name (``ml.runs.names``), or that of its data set and model
        for a run of an earlier Lensmith; the id where its files cannot be read."""
        if given := self.meta.get("name"):
            return str(given)
        try:
            return default_name(self.config.dataset, self.config.model)
        except BadInputError:
            return self.id

    @property
    def dataset(self) -> dict[str, Any]:
        """Which pictures it learns from, and how they are split."""
        return read_typed(self.folder / "dataset.json", RunDataset) or {}

    @property
    def status(self) -> Status:
        """What it is doing."""
        return status_of(self.folder)

    @property
    def report(self) -> dict[str, Any] | None:
        """The evaluation on its test pictures, once there is one."""
        report = read_typed(self.folder / "report.json", Report)
        return report if report and is_report(report) else None

    @property
    def model(self) -> dict[str, Any] | None:
        """The manifest of the classifier, written last: where it is, the classifier is whole."""
        manifest: dict[str, Any] | None = read_typed(self.folder / "model" / "model.json", Model)
        return manifest

    @property
    def damage(self) -> str:
        """A sentence that names the files that cannot be read; empty where all can.

        Such a file counts as missing everywhere else.
        """
        damaged = [name for name, kind in FILES.items() if is_damaged(self.folder / name, kind)]
        if "report.json" not in damaged and self.report is None:
            damaged += ["report.json"] * (self.folder / "report.json").exists()
        if not damaged:
            return ""
        return f"{' and '.join(damaged)} cannot be read: copy the run again, or delete it."

    def events(self, offset: int = 0) -> tuple[list[Event], int]:
        """See ``ml.runs.events.read``."""
        return read(self.folder / "events.jsonl", offset)

    def ask_to_stop(self) -> None:
        """Ask the worker to stop at its next batch.

        Raises:
            WorkspaceError: the disk is full or the folder cannot be written to.
        """
        try:
            (self.folder / "stop").touch()
        except OSError as error:
            raise explain_os_error(error, self.folder / "stop") from error

    def update_meta(self, **values: Any) -> None:
        """Set entries of ``meta.json``; None removes one. Two pages may do it at the same time.

        Raises:
            WorkspaceError: the disk is full or the folder cannot be written to.
        """
        with locked(self.folder / ".meta.lock"):
            path = self.folder / "meta.json"
            if is_damaged(path, Meta):  # for somebody to look at
                path.replace(self.folder / "meta.damaged.json")
            meta = {**self.meta, **values}
            entries = {key: value for key, value in meta.items() if value is not None}
            write_json(path, entries)

    def ask_to_resume(self, epochs: int | None = None) -> None:
        """Put the run into the queue again, to go on where it was, with ``epochs`` in all."""
        self.update_meta(resume={"asked": time.time(), "epochs": epochs})

    def refuse(self, reason: str) -> None:
        """Note that the queued run could not be started: it has failed, for ``reason``."""
        self.update_meta(refused={"asked": run_status.asked_of(self.meta), "reason": reason})


def default_name(dataset: str, model: str) -> str:
    """The name of a run that was given none."""
    return f"{dataset} · {model}"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock in the file ``path`` of a run's folder."""
    if not path.parent.is_dir():
        raise BadInputError(f"Run {path.parent.name} is not there any more.")
    with held(path):
        yield


def create(
    workspace: Workspace,
    config: TrainConfig,
    dataset: dict[str, Any],
    *,
    name: str = "",
    parent: str | None = None,
    claimed: bool = False,
    **meta: Any,
) -> Run:
    """Make the folder of a new run: it is then queued.

    ``dataset`` says which pictures are used: name, fingerprint, version, split seed, counts.
    The folder appears complete or not at all. With ``claimed`` this process is its worker from the
    start, so that no queue ever sees it. Further entries of ``meta.json`` may be given by name.

    Raises:
        WorkspaceError: the disk is full or the workspace cannot be written to.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", config.dataset.lower()).strip("-")[:24] or "run"
    # Microseconds keep the ids of runs made in the same second in the order of their making.
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"{int(now % 1 * 1e6):06d}"
    identifier = f"{stamp}-{slug}-{secrets.token_hex(2)}"
    staged = workspace.runs / f".{identifier}.part"
    try:
        staged.mkdir(parents=True)
        write_json(staged / "config.json", config.to_json())
        write_json(staged / "dataset.json", dataset)
        about: dict[str, Any] = {"name": name, "tags": [], "notes": "", "parent": parent}
        write_json(staged / "meta.json", {**about, "created": now, **meta})
        if claimed:
            write_json(staged / "worker.json", run_status.worker_record(asked=0.0, log_size=0))
        staged.rename(workspace.runs / identifier)
    except BaseException as error:
        shutil.rmtree(staged, ignore_errors=True)
        if isinstance(error, OSError):
            raise explain_os_error(error, staged / "config.json") from error
        raise
    return Run(workspace.runs / identifier)


def list_runs(workspace: Workspace) -> list[Run]:
    """All runs, the oldest first."""
    folders = sorted(workspace.runs.glob("[!.]*/config.json"))
    return [Run(path.parent) for path in folders]


def find(workspace: Workspace, wanted: str, *, with_model: bool = True) -> Run:
    """The run that somebody at a shell names: as for ``find_listed``, or the path of its folder.

    Raises:
        BadInputError: there is none, or more than one.
    """
    path = Path(wanted)
    try:
        if wanted not in ("", "latest") and (path / "config.json").is_file():
            return Run(path.resolve())
    except (OSError, ValueError):  # no name that a file could have
        pass
    return find_listed(workspace, wanted, with_model=with_model)


def find_listed(workspace: Workspace, wanted: str, *, with_model: bool = True) -> Run:
    """The run of the workspace that ``wanted`` names: an id, a unique beginning of one, ``latest``.

    ``latest`` is the newest run with a model, or of any kind where ``with_model`` is false. What
    comes from an address is looked up here: it is compared with ids, and never used as a path.

    Raises:
        BadInputError: there is none, or more than one.
    """
    runs = list_runs(workspace)
    if wanted == "latest":
        fitting = [run for run in runs if run.model or not with_model]
        if not fitting:
            kind = "finished run" if with_model else "run"
            raise BadInputError(f"There is no {kind} in {workspace.root} yet. Train one first.")
        return fitting[-1]
    exact = [run for run in runs if run.id == wanted]
    fitting = exact or [run for run in runs if run.id.startswith(wanted)]
    if len(fitting) == 1 and wanted:
        return fitting[0]
    if fitting and wanted:
        raise BadInputError(
            f"{len(fitting)} runs begin with {wanted}. Give more of the id: "
            f"{', '.join(run.id for run in fitting[:4])}."
        )
    name = f"{wanted[:MAX_SHOWN_ID]}{'...' if len(wanted) > MAX_SHOWN_ID else ''}"
    raise BadInputError(
        f"There is no run {name} in {workspace.root}. List them with: python -m ml runs"
    )
