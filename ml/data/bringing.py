"""Give a folder of pictures a place and a name in the workspace, once."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from ml.data.folders import BUNDLED
from ml.data.ingest import Ingested, ingest
from ml.data.parallel import Progress
from ml.data.store import dataset_names, load_version, picture_path, read_summary
from ml.data.walk import signature
from ml.errors import BadInputError
from ml.files import read_json
from ml.workspace import Workspace

BUNDLED_NAMES = ("recycling", "hands", "fashion")
_WINDOWS_NAMES = {"con", "prn", "aux", "nul"}


def bring_in(
    workspace: Workspace,
    path: Path,
    name: str | None = None,
    *,
    reuse: bool = False,
    progress: Progress | None = None,
) -> Ingested:
    """Ingest the folder ``path``, under ``name`` or one made from the folder's.

    With ``reuse``, a folder whose files have the names, sizes and times they had is not read again.

    Raises:
        BadInputError: the name is taken, or the folder cannot be used.
    """
    path = path.expanduser().resolve()
    bundled = path.parent == BUNDLED
    key = f"bundled:{path.name}" if bundled else str(path)
    name = _name_for(workspace, path, key, name)
    mark = bundled_facts(name)["sha256"] if bundled else signature(path)
    source = {"path": key, "signature": mark}
    with FileLock(workspace.datasets / f".{name}.lock"):
        summary = read_summary(workspace, name)
        if reuse and summary.get("source") == source:
            version = load_version(workspace, name)
            if picture_path(workspace, version.items[0].hash).exists():
                return Ingested(version, [], [])
        return ingest(workspace, path, name, source=source, progress=progress)


def slug(name: str) -> str:
    """A name that every file system takes: lower case, letters, digits, ``-`` and ``_``."""
    plain = unicodedata.normalize("NFKC", name).lower()
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in plain).strip("-")[:60]
    return f"{kept}-set" if kept in _WINDOWS_NAMES else kept or "pictures"


def _name_for(workspace: Workspace, path: Path, key: str, wanted: str | None) -> str:
    if key.startswith("bundled:"):
        return path.name
    sources = {
        name: read_summary(workspace, name).get("source", {}).get("path")
        for name in dataset_names(workspace)
    }
    if wanted is not None:
        name = slug(wanted)
        if name in BUNDLED_NAMES or sources.get(name, key) != key:
            raise BadInputError(
                f"There is a data set {name} already, from other pictures. Choose another name."
            )
        return name
    known = [name for name, origin in sources.items() if origin == key]
    if known:
        return known[0]
    base = slug(path.name)
    taken = {*sources, *BUNDLED_NAMES}
    free = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in free if name not in taken)


@cache
def bundled_facts(name: str) -> dict[str, Any]:
    """The ``about.json`` of a bundled set. Raises BadInputError when it is damaged."""
    facts = read_json(BUNDLED / name / "about.json")
    if not isinstance(facts, dict):
        raise BadInputError(f"The bundled set {name} is damaged. Install Lensmith again.")
    return facts
