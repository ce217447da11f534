"""The folder where everything that people make is kept: pictures, data sets, runs.

Its layout has a version in ``schema.json``. An older one is migrated after a backup, a newer one
refused with a sentence.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ml import __version__
from ml.errors import WorkspaceError
from ml.utils.files import explain_os_error, read_json, write_json

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
        """One folder a search for better settings; its trials are ordinary runs."""
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
        """What frozen networks made of pictures; can be rebuilt."""
        return self.root / "features"

    @property
    def graphs(self) -> Path:
        """Traced networks without their weights; can be deleted and is made again."""
        return self.root / "graphs"

    @property
    def plugins(self) -> Path:
        """Models that the owner of this workspace has written: Python files, which are run. Nothing
        here writes into it."""
        return self.root / "plugins"

    @property
    def machine(self) -> Path:
        """What was measured on a machine and is remembered: one file a host name."""
        return self.root / "machine"


def is_demo() -> bool:
    """Whether this server shows one classifier and nothing else, by ``LENSMITH_MODE=demo``."""
    return os.environ.get("LENSMITH_MODE", "").casefold() == "demo"


def is_public() -> bool:
    """Whether strangers use this server, by ``LENSMITH_PUBLIC=1`` or as a demo."""
    return is_demo() or os.environ.get("LENSMITH_PUBLIC", "") not in ("", "0")


def default_root() -> Path:
    """``LENSMITH_WORKSPACE``, else ``workspace`` in the current folder."""
    return Path(os.environ.get("LENSMITH_WORKSPACE") or "workspace").expanduser().resolve()


def open_workspace(root: str | os.PathLike[str] | None = None) -> Workspace:
    """Open the workspace in ``root``, making it where there is none.

    Raises:
        WorkspaceError: it cannot be written to, or a newer Lensmith wrote it.
    """
    try:
        folder = Path(root).expanduser().resolve() if root else default_root()
    except RuntimeError as error:  # ~ of a user who is not there
        raise WorkspaceError(f"There is no home folder for {root}. Give a whole path.") from error
    if folder.exists() and not folder.is_dir():
        raise WorkspaceError(f"{folder} is a file, so it cannot be the workspace. Give a folder.")
    workspace = Workspace(folder)
    schema = folder / "schema.json"
    try:
        for part in (folder, workspace.runs, workspace.datasets, workspace.pictures):
            part.mkdir(parents=True, exist_ok=True)
        made = schema.exists()
    except OSError as error:
        raise explain_os_error(error, folder / "schema.json") from error
    found = read_json(schema)
    if found is None:
        if made:  # otherwise another process may have made it between the two looks
            raise WorkspaceError(
                f"{schema} cannot be read. Restore it from a backup, or choose another workspace."
            )
        write_json(schema, {"schema": SCHEMA, "lensmith": __version__})
    elif not isinstance(found, dict) or type(found.get("schema")) is not int:
        raise WorkspaceError(
            f"{schema} is not a Lensmith workspace file: {json.dumps(found)[:80]}. "
            "Choose another workspace."
        )
    elif found["schema"] > SCHEMA:
        raise WorkspaceError(
            f"The workspace {folder} was written by a newer Lensmith ({found.get('lensmith')}), "
            f"and this is {__version__}. Update Lensmith, or choose another workspace."
        )
    if not os.access(workspace.runs, os.W_OK):
        raise WorkspaceError(
            f"The workspace {folder} cannot be written to. Change its permissions, or choose "
            "another with --workspace or LENSMITH_WORKSPACE."
        )
    return workspace
