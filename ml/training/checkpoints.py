"""Checkpoint files that survive a kill at any moment and detect flipped bits.

A checkpoint is written beside, flushed and moved into place; then a small manifest names it with
its SHA-256, and what the manifest no longer names is deleted. The one before is kept as well, so
that a damaged file costs an epoch and not the run.
"""

import hashlib
import logging
from pathlib import Path
from typing import IO, Any, cast

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from ml.errors import BadInputError, MLError
from ml.runs.file_types import Checkpoint
from ml.utils.files import sha256_of, write_atomically, write_json
from ml.utils.typed_json import read_typed

log = logging.getLogger(__name__)
MAX_KEPT = {"last": 2, "best": 1}


def save(folder: Path, kind: str, content: dict[str, Any], **about: Any) -> None:
    """Write ``content`` as the newest checkpoint of ``kind`` (``last`` or ``best``).

    ``about`` goes into the manifest: epoch, step and the like.

    Raises:
        WorkspaceError: the disk is full or the folder cannot be written to; the old one stays.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"{kind}-{about['epoch']:06d}.ckpt"
    entry = {"file": path.name, **about}

    def write(file: IO[bytes]) -> None:
        hashed = _Hashed(file)
        torch.save(content, cast(IO[bytes], hashed))
        hashed.check()
        entry["sha256"] = hashed.digest.hexdigest()

    write_atomically(path, write)
    before = [item for item in entries(folder, kind) if item["file"] != path.name]
    manifest = [entry, *before][: MAX_KEPT[kind]]
    write_json(folder / f"{kind}.json", manifest)
    named = {item["file"] for item in manifest}
    for old in folder.glob(f"{kind}-*.ckpt"):
        if old.name not in named:
            old.unlink(missing_ok=True)


class _Hashed:
    """A file that is hashed while it is written: a checkpoint is never in memory as a whole.

    An error is kept, to be raised by ``check``: torch would make another one of it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.digest, self._file = hashlib.sha256(), file
        self._error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of ``data``: how many bytes that were."""
        if self._error is None:
            self.digest.update(data)
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def flush(self) -> None:
        """Nothing: whoever made the file does."""

    def check(self) -> None:
        """Raises OSError where not all of it could be written."""
        if self._error is not None:
            raise self._error


def entries(folder: Path, kind: str) -> list[dict[str, Any]]:
    """What the manifest names, the newest first."""
    return read_typed(folder / f"{kind}.json", list[Checkpoint]) or []


def newest(folder: Path, kind: str) -> tuple[Path, dict[str, Any]] | None:
    """The newest undamaged checkpoint and its manifest entry; None where there is none yet.

    Raises:
        MLError: there are checkpoints, and each of them is damaged.
    """
    manifest = entries(folder, kind)
    for entry in manifest:
        path = folder / str(entry["file"])
        if path.is_file() and sha256_of(path) == entry["sha256"]:
            return path, entry
        log.warning("The checkpoint %s is damaged or missing.", path)
    if manifest:
        raise MLError(
            f"The checkpoints in {folder} are damaged. Restore them from a backup, or train anew."
        )
    return None


def load(path: Path) -> dict[str, Any]:
    """The content of a checkpoint that ``newest`` found. Nothing in it is executed."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that holds code, or nothing that torch can read
        raise BadInputError(
            f"{path} is no checkpoint that can be read safely. Restore it from a backup, or train "
            "anew."
        ) from error
    return content


class CheckpointFiles(CheckpointIO):
    """Lets Lightning save its state through ``save`` and read it with ``load``."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """``path`` is ``<folder>/last``; epoch and step come from the checkpoint itself."""
        target = Path(path)
        about = {"epoch": int(checkpoint["epoch"]) + 1, "step": int(checkpoint["global_step"])}
        save(target.parent, target.name, checkpoint, **about)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read what ``newest`` found."""
        return load(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Not used: ``save`` removes what is no longer named."""
