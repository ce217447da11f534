"""Weights that are fetched once, kept, and checked against the hash that their name carries."""

import hashlib
import os
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError

from filelock import FileLock, Timeout

from ml.errors import MLError
from ml.utils.files import explain_os_error

CHUNK = 1 << 18
TIMEOUT = 30.0
"""Seconds without a byte after which a server is given up."""
PART = ".part"
HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
"""The first digits of a file's SHA-256, as torch.hub has them in its file names."""

Progress = Callable[[float], None]


def kept_in() -> Path:
    """The folder with weights: where torch.hub, and so torchvision, keeps them."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{caches}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def fetch(address: str, folder: Path, wanted_by: str, progress: Progress) -> Path:
    """The file that ``address`` names, in ``folder``: downloaded unless it is there and whole.

    A download that broke off goes on where it was, where the server can do that.

    Args:
        wanted_by: the model that wants it, for the sentences.
        progress: is told the share that is done, 0 to 1; it may raise to stop.

    Raises:
        MLError: it cannot be had, or is not what it should be.
        WorkspaceError: the disk is full or cannot be written to.
    """
    path = folder / address.rpartition("/")[2]
    if is_whole(path):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock")
        while not lock.is_locked:  # another training may be fetching the same file
            try:
                lock.acquire(timeout=0.25)
            except Timeout:
                progress(0.0)
    except OSError as error:
        raise explain_os_error(error, path) from error
    part = path.with_name(path.name + PART)
    with lock:
        if is_whole(path):
            return path
        try:
            _download(address, part, progress)
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", None) or error.__class__.__name__
            if isinstance(error, HTTPError):
                error.close()
                reason = f"the server answered {error.code}"
            raise MLError(_by_hand(address, path, wanted_by, f"could not be had: {reason}")) from (
                error
            )
        if not is_whole(part):
            part.unlink(missing_ok=True)
            raise MLError(_by_hand(address, path, wanted_by, "came damaged, by their hash"))
        try:
            part.replace(path)
        except OSError as error:
            raise explain_os_error(error, path) from error
    progress(1.0)
    return path


def is_whole(path: Path) -> bool:
    """Whether the file is there with the hash that its name carries, if it carries one."""
    found = HASH.search(path.name.removesuffix(PART))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return found is None or digest.startswith(found[1])


def _download(address: str, part: Path, progress: Progress) -> None:
    """Add to ``part`` what is missing of it."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code != 416:
            raise
        error.close()  # there is nothing after what we have
        return
    with answer:
        have = have if answer.status == 206 else 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            while chunk := answer.read(CHUNK):
                _write(file, chunk, part)
                have += len(chunk)
                progress(min(1.0, have / total) if total else 0.0)
    if have < total:
        raise URLError("the connection broke off")


def _write(file: "object", chunk: bytes, path: Path) -> None:
    try:
        file.write(chunk)  # type: ignore[attr-defined]
    except OSError as error:
        raise explain_os_error(error, path) from error


def _by_hand(address: str, path: Path, wanted_by: str, what: str) -> str:
    return (
        f"The pretrained weights of {wanted_by} ({path.name}) {what}. Connect to the internet and "
        f"try again, or get {address} on another computer and put the file into {path.parent}. "
        "efficientnet_lite0 needs no download."
    )
