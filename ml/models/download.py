"""Download pretrained weights once and check them against the SHA-256 in their file name."""

import hashlib
import os
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError

from filelock import FileLock, Timeout

from ml.errors import MLError
from ml.utils.files import explain_os_error
from ml.utils.locks import (
    LONG_STALE_SECONDS,
    LONG_WAIT_SECONDS,
    InUseError,
    remove_if_left,
    sentence_in_use,
)
from ml.utils.paths import expanded

CHUNK_BYTES = 1 << 18
TIMEOUT_SECONDS = 30.0
"""A download fails after so many seconds without a byte."""
PARTIAL_SUFFIX = ".part"
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
"""The first digits of a file's SHA-256, as torch.hub writes them into file names."""

Progress = Callable[[float], None]


def weights_folder() -> Path:
    """The folder for downloaded weights, the one that torch.hub and torchvision use."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{caches}/torch"
    return expanded(home) / "hub" / "checkpoints"


def fetch(
    address: str, folder: Path, model_name: str, progress: Progress, *, file_name: str = ""
) -> Path:
    """Download the file at ``address`` into ``folder``, unless it is there with the right hash.

    An interrupted download continues where it stopped, if the server supports ranges.

    Args:
        model_name: the model that needs the weights, for error messages.
        file_name: the name to store it under; the last part of ``address`` if empty.
        progress: called with the share that is done, 0 to 1; it may raise to stop.

    Raises:
        MLError: the server does not deliver the file, or its hash is wrong.
        WorkspaceError: the disk is full or cannot be written to.
    """
    path = folder / (file_name or address.rpartition("/")[2])
    if matches_hash(path):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock")
        deadline = time.monotonic() + LONG_WAIT_SECONDS
        while not lock.is_locked:  # another training may be fetching the same file
            try:
                lock.acquire(timeout=0.25)
            except Timeout:
                progress(0.0)
                is_left = remove_if_left(lock, Path(lock.lock_file), LONG_STALE_SECONDS)
                if not is_left and time.monotonic() > deadline:
                    raise InUseError(sentence_in_use(path, LONG_WAIT_SECONDS)) from None
    except OSError as error:
        raise explain_os_error(error, path) from error
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    with lock:
        if matches_hash(path):
            return path
        try:
            _download(address, partial, progress)
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", None) or error.__class__.__name__
            if isinstance(error, HTTPError):
                error.close()
                reason = f"the server answered {error.code}"
            raise MLError(
                _download_advice(address, path, model_name, f"could not be had: {reason}")
            ) from error
        if not matches_hash(partial):
            partial.unlink(missing_ok=True)
            raise MLError(
                _download_advice(address, path, model_name, "came damaged, by their hash")
            )
        try:
            partial.replace(path)
        except OSError as error:
            raise explain_os_error(error, path) from error
    progress(1.0)
    return path


def matches_hash(path: Path) -> bool:
    """Whether ``path`` is a file with the SHA-256 that its name carries, if it carries one."""
    named_hash = HASH_IN_NAME.search(path.name.removesuffix(PARTIAL_SUFFIX))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return named_hash is None or digest.startswith(named_hash[1])


def _download(address: str, partial: Path, progress: Progress) -> None:
    """Append the missing bytes to ``partial``."""
    offset = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(
        address, headers={"Range": f"bytes={offset}-"} if offset else {}
    )
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        if error.code != 416:
            raise
        error.close()  # 416: nothing follows the bytes that are here
        return
    with response:
        offset = offset if response.status == 206 else 0
        total = offset + int(response.headers.get("Content-Length") or 0)
        with partial.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            while chunk := response.read(CHUNK_BYTES):
                _write(file, chunk, partial)
                offset += len(chunk)
                progress(min(1.0, offset / total) if total else 0.0)
    if offset < total:
        raise URLError("the connection broke off")


def _write(file: "object", chunk: bytes, path: Path) -> None:
    try:
        file.write(chunk)  # type: ignore[attr-defined]
    except OSError as error:
        raise explain_os_error(error, path) from error


def _download_advice(address: str, path: Path, model_name: str, problem: str) -> str:
    return (
        f"The pretrained weights of {model_name} ({path.name}) {problem}. Connect to the internet "
        f"and try again, or get {address} on another computer and put the file into "
        f"{path.parent}. efficientnet_lite0 needs no download."
    )
