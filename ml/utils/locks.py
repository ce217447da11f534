"""File locks whose wait ends, with a sentence, and that find out a lock which was left behind.

A file system without ``flock`` has no lock that ends with its process: there the lock is the file
itself, with its owner in it. Whose owner lives on this computer, ``filelock`` tells by itself; a
file without an owner, or of another computer and old, is told here.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ml.errors import WorkspaceError
from ml.utils.files import explain_os_error

WAIT_SECONDS = 60.0
"""How long to wait for a lock that is held for a moment only."""
LONG_WAIT_SECONDS = 7200.0
"""How long to wait for a lock that is held while pictures are read."""
LONG_STALE_SECONDS = 86_400.0
STALE_SECONDS = 600.0
"""A file of another computer is no lock any more after so long."""
UNOWNED_SECONDS = 10.0
"""A file without an owner is no lock after so long: its maker writes the owner at once."""
TRY_SECONDS = 2.0


class InUseError(WorkspaceError):
    """Somebody else held a lock for as long as was waited for it."""


@contextmanager
def held(
    path: Path, *, seconds: float = WAIT_SECONDS, stale: float = STALE_SECONDS
) -> Iterator[None]:
    """Hold the lock in the file ``path``; wait for at most so many ``seconds``.

    Args:
        stale: the age in seconds from which on a file that another computer left is no lock.

    Raises:
        InUseError: somebody else holds it all the time.
        WorkspaceError: it cannot be written.
    """
    lock = FileLock(path)
    deadline = time.monotonic() + seconds
    while True:
        remaining = deadline - time.monotonic()
        try:
            lock.acquire(timeout=max(0.0, min(TRY_SECONDS, remaining)))
            break
        except Timeout as error:
            if not remove_if_left(lock, path, stale) and remaining <= 0:
                raise InUseError(sentence_in_use(path, seconds)) from error
        except OSError as error:
            raise explain_os_error(error, path) from error
    try:
        yield
    finally:
        lock.release()


def remove_if_left(lock: FileLock, path: Path, stale: float = STALE_SECONDS) -> bool:
    """Remove a lock that is a file which nobody holds any more; whether it was removed.

    Whoever holds such a lock for longer than ``stale`` seconds touches its file meanwhile.
    """
    try:
        owner = lock.pid
        age = time.time() - path.stat().st_mtime
    except (AttributeError, OSError):  # flock ends with its process; or it has just been released
        return False
    if age <= (UNOWNED_SECONDS if owner is None else stale):
        return False
    with suppress(OSError):
        path.unlink()
    return True


def sentence_in_use(path: Path, seconds: float) -> str:
    """What to tell who has waited for so many seconds for the lock ``path``."""
    return (
        f"{path.parent} is in use by another Lensmith: its lock {path.name} was not released in "
        f"{seconds:.0f} seconds. Wait until that has ended and try again; where none is running, "
        "delete the lock."
    )
