"""Model folder: finding one, reading its ``model.json``, and opening its ONNX session.

It holds ``model.onnx``, ``weights.pt``, ``learned.npz`` (see ``ml.inference.ood_reference``) and
``model.json`` with classes, preprocessing, calibration and hashes. This module is light.
"""

import hashlib
import json
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.errors import BadInputError
from ml.runs import folder as runs
from ml.runs.file_types import Model
from ml.utils.typed_json import fits, read_typed
from ml.workspace import Workspace

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL_VERSION = 1
REQUIRED = {"run", "model", "classes", "pixels", "temperature", "threshold", "parity", "sha256"}
"""What ``model.json`` must have."""
CHECKSUM = "checksum"
"""The entry of ``model.json`` with the hash of all others; an earlier Lensmith wrote none."""
MAX_UNPACKED_BYTES = 4 * 2**30
"""A zip that claims more holds no model of ours."""
BATCH_PIXELS = 8 * 224 * 224
"""Pictures go through the network about this many pixels at a time; more is slower on a CPU."""


def open_session(model: bytes, threads: int = 0) -> "InferenceSession":
    """An ONNX Runtime session for a serialised model. ``threads`` 0 takes all cores."""
    import onnxruntime  # not at the top: whoever only looks for a model need not wait for it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from a training beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def batch_of(side: int) -> int:
    """How many pictures of ``side`` px go through a session at a time."""
    return max(1, min(512, BATCH_PIXELS // side**2))


def run_session(
    session: "InferenceSession",
    pixels: npt.NDArray[np.uint8],
    progress: Callable[[float], None] = lambda fraction: None,
) -> npt.NDArray[np.float32]:
    """Logits (N, K) of pictures uint8 (N, S, S, C). ``progress`` is told the share done."""
    return run_outputs(session, pixels, ("logits",), progress)[0]


def run_outputs(
    session: "InferenceSession",
    pixels: npt.NDArray[np.uint8],
    names: Sequence[str],
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[npt.NDArray[np.float32]]:
    """The outputs ``names`` of pictures uint8 (N, S, S, C), each (N, ...), in one pass."""
    step = batch_of(pixels.shape[1])
    by_output: list[list[npt.NDArray[np.float32]]] = [[] for _ in names]
    for start in range(0, len(pixels), step):
        progress(start / len(pixels))
        batch = np.ascontiguousarray(pixels[start : start + step])
        for parts, part in zip(
            by_output, session.run(list(names), {"pictures": batch}), strict=True
        ):
            parts.append(part)
    if not len(pixels):
        shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
        return [np.empty((0, *shapes[name]), np.float32) for name in names]
    return [np.concatenate(parts) for parts in by_output]


def find_model(workspace: Workspace, wanted: str) -> Path:
    """The model folder that ``wanted`` names: as in ``runs.find``, the folder itself, or a zip of
    it, which is unpacked into the workspace.

    Raises:
        BadInputError: there is none, or the run has no model yet.
    """
    for folder in (Path(wanted), Path(wanted) / "model"):
        if (folder / "model.json").is_file():
            return folder.resolve()
    if wanted.endswith(".zip") and Path(wanted).is_file():
        return _unpacked(workspace, Path(wanted))
    run = runs.find(workspace, wanted)
    if run.model is None:
        raise BadInputError(
            f"Run {run.name} has no trained model: it is {run.status.name}. Wait for it to end, "
            "or resume it."
        )
    return run.folder / "model"


def unpack_model(archive: Path, folder: Path) -> Path:
    """Unpack the model in a zip (of ``python -m ml export --format folder``) to ``folder``.

    Only files that its ``model.json`` names are taken, and no name in the zip becomes a path.

    Raises:
        BadInputError: it is no zip with a model, or too large.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            members = {name.filename.rpartition("/")[2]: name for name in packed.infolist()}
            if "model.json" not in members:
                raise BadInputError(f"There is no model in {archive}. Export one, or name another.")
            if sum(member.file_size for member in members.values()) > MAX_UNPACKED_BYTES:
                raise BadInputError(f"{archive} is too large for a model, so it is not unpacked.")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.json").write_bytes(packed.read(members["model.json"]))
            for name in read_manifest(folder)["sha256"]:
                if name in members and name == Path(name).name:
                    (folder / name).write_bytes(packed.read(members[name]))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadInputError(f"{archive} is a damaged zip. Export the model again.") from error
    return folder


def _unpacked(workspace: Workspace, archive: Path) -> Path:
    """The model folder in a zip, unpacked once in the workspace."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    folder = workspace.root / "unpacked" / digest
    if not (folder / "model.json").is_file():
        beside = folder.with_name(f".{digest}-{secrets.token_hex(4)}")
        try:
            unpack_model(archive, beside)
            with suppress(OSError):  # another process was first
                beside.replace(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return folder


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of ``model.json``, with what this version needs in it.

    Raises:
        BadInputError: there is none, it is damaged, or a newer Lensmith wrote it.
    """
    path = folder / "model.json"
    manifest: dict[str, Any] | None = read_typed(path, Model)
    if manifest is None and not path.exists():
        raise BadInputError(f"There is no trained model in {folder}. Train one first.")
    damaged = BadInputError(f"{path} is damaged. Copy the model folder again, or train again.")
    newest = read_typed(path, dict[str, Any]) or {}
    if fits(newest.get("version"), int) and newest["version"] > MODEL_VERSION:
        raise BadInputError(f"{path} was written by a newer Lensmith. Update Lensmith to use it.")
    if manifest is None or not manifest.keys() >= REQUIRED:
        raise damaged
    classes = manifest["classes"]
    if len(classes) < 2 or manifest.get(CHECKSUM, digest := checksum_of(manifest)) != digest:
        raise damaged
    return manifest


def checksum_of(manifest: dict[str, Any]) -> str:
    """The SHA-256 of the content of ``model.json`` but for its own ``checksum``."""
    content = {name: value for name, value in manifest.items() if name != CHECKSUM}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_checked(path: Path, manifest: dict[str, Any]) -> bytes:
    """The content of a file of a model folder, whose hash ``manifest`` holds.

    Raises:
        BadInputError: it cannot be read, was changed or is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != manifest["sha256"].get(path.name):
        raise BadInputError(
            f"{path} was changed or is damaged, so it is not used. Copy the model folder again, or "
            "train again."
        )
    return content
