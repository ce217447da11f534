"""Record of exports: which files a run was exported to, and how they answered, in
``exports.json``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.runs.folder import Run, locked
from ml.utils.files import sha256_of, write_json
from ml.utils.typed_json import read_typed

FILE = "exports.json"


def folder_of(run: Run) -> Path:
    """Where the files lie that pages offer."""
    return run.folder / "exports"


def keep(
    run: Run, format_name: str, path: Path, manifest: dict[str, Any], parity: dict[str, Any]
) -> None:
    """Note that ``path`` was written from the model of ``manifest``, with its measured ``parity``.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    entry = {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "model": manifest["sha256"]["model.onnx"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "parity": parity,
    }
    with locked(run.folder / ".meta.lock"):
        write_json(run.folder / FILE, {**_entries(run), format_name: entry})


def read(run: Run) -> dict[str, dict[str, Any]]:
    """The entries of the exports of the run's present model, by format: ``file``, ``bytes``,
    ``sha256``, ``created``, ``parity``. What an earlier model was exported to is left out."""
    model = ((run.model or {}).get("sha256") or {}).get("model.onnx")
    return {
        name: entry
        for name, entry in _entries(run).items()
        if isinstance(entry, dict) and entry.get("model") == model and model
    }


def stored_file(run: Run, entry: dict[str, Any]) -> Path | None:
    """The file of an entry of ``read`` in the run's own folder; None where it lies elsewhere or is
    not the one that was measured."""
    path = folder_of(run) / Path(str(entry.get("file"))).name
    if path.is_file() and path.stat().st_size == entry.get("bytes"):
        return path
    return None


def _entries(run: Run) -> dict[str, Any]:
    return read_typed(run.folder / FILE, dict[str, Any]) or {}
