"""The workspace: the folder with all pictures, data sets, runs, searches and caches.

``schema.json`` holds the version of its layout. A newer one than this code knows is refused.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ml import __version__
from ml.errors import BadInputError, WorkspaceError
from ml.utils import environment
from ml.utils.files import explain_os_error, read_json, write_json
from ml.utils.paths import absolute_path, exists

SCHEMA = 1


@dataclass(frozen=True)
class Workspace:
    """Paths inside one workspace. Make one with ``open_workspace``."""

    root: Path

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"

    @property
    def sweeps(self) -> Path:
        """One folder (sweep) a hyperparameter search; its trials are runs."""
        return self.root / "sweeps"

    @property
    def trash(self) -> Path:
        """Deleted runs, until they are deleted for good."""
        return self.root / "trash"

    @property
    def datasets(self) -> Path:
        """One folder a data set: its versions, and caches that can be rebuilt."""
        return self.root / "datasets"

    @property
    def pictures(self) -> Path:
        """Originals by their SHA-256, once each, never changed."""
        return self.root / "pictures"

    @property
    def features(self) -> Path:
        """The feature cache of frozen backbones; can be rebuilt."""
        return self.root / "features"

    @property
    def graphs(self) -> Path:
        """Traced networks without their weights; can be deleted and is made again."""
        return self.root / "graphs"

    @property
    def plugins(self) -> Path:
        """The plugins of the workspace's owner: Python files, which are run. Nothing of Lensmith
        writes here."""
        return self.root / "plugins"

    @property
    def machine(self) -> Path:
        """Measurements of computers: one JSON file a host name."""
        return self.root / "machine"


def is_demo() -> bool:
    """Whether this server shows one classifier and nothing else, by ``LENSMITH_MODE=demo``.

    Raises:
        WorkspaceError: the variable has another value.
    """
    return bool(environment.value("LENSMITH_MODE"))


def is_public() -> bool:
    """Whether strangers use this server, by ``LENSMITH_PUBLIC=1`` or as a demo.

    Raises:
        WorkspaceError: one of the variables has another value.
    """
    return is_demo() or bool(environment.flag("LENSMITH_PUBLIC"))


def default_root() -> Path:
    """``LENSMITH_WORKSPACE``, else ``workspace`` in the current folder.

    Raises:
        BadInputError: it cannot be a path.
    """
    return absolute_path(os.environ.get("LENSMITH_WORKSPACE") or "workspace")


def open_workspace(
    root: str | os.PathLike[str] | None = None, *, must_exist: bool = False
) -> Workspace:
    """Open the workspace in ``root``, making it where there is none, but with ``must_exist``.

    Raises:
        WorkspaceError: it cannot be written to, a newer Lensmith wrote it, or it must exist and
            does not.
    """
    try:
        folder = absolute_path(root) if root else default_root()
    except BadInputError as error:
        raise WorkspaceError(f"The workspace cannot be used: {error}") from error
    if must_exist and not (folder / "schema.json").exists():
        raise WorkspaceError(
            f"The workspace {folder} is not there any more: it was renamed, moved or removed. Put "
            "it back, or start Lensmith again to use a new one."
        )
    if exists(folder) and not folder.is_dir():
        raise WorkspaceError(f"{folder} is a file, so it cannot be the workspace. Give a folder.")
    workspace = Workspace(folder)
    schema = folder / "schema.json"
    try:
        for subfolder in (folder, workspace.runs, workspace.datasets, workspace.pictures):
            subfolder.mkdir(parents=True, exist_ok=True)
        schema_exists = schema.exists()
    except OSError as error:
        raise explain_os_error(error, folder / "schema.json") from error
    content = read_json(schema)
    if content is None:
        if schema_exists:  # else another process wrote it between the two checks
            raise WorkspaceError(
                f"{schema} cannot be read. Restore it from a backup, or choose another workspace."
            )
        write_json(schema, {"schema": SCHEMA, "lensmith": __version__})
    elif not isinstance(content, dict) or type(content.get("schema")) is not int:
        raise WorkspaceError(
            f"{schema} is not a Lensmith workspace file: {json.dumps(content)[:80]}. "
            "Choose another workspace."
        )
    elif content["schema"] > SCHEMA:
        raise WorkspaceError(
            f"The workspace {folder} was written by a newer Lensmith ({content.get('lensmith')}), "
            f"and this is {__version__}. Update Lensmith, or choose another workspace."
        )
    if not os.access(workspace.runs, os.W_OK):
        raise WorkspaceError(
            f"The workspace {folder} cannot be written to. Change its permissions, or choose "
            "another with --workspace or LENSMITH_WORKSPACE."
        )
    return workspace
