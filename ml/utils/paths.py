"""Paths that people write: ``~`` expanded, absolute, or a sentence why not."""

import os
from pathlib import Path

from ml.errors import BadInputError

MAX_SHOWN_PATH = 200
"""Letters of a path that a sentence repeats."""


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """The absolute path of what somebody has written, without symbolic links.

    Raises:
        BadInputError: it is no path, or its home folder is unknown.
    """
    try:
        absolute = expanded(path).resolve()
        absolute.exists()  # an OSError where no file could be called so
        return absolute
    except (OSError, ValueError, RuntimeError) as error:  # too long, a null, a circle of links
        reason = getattr(error, "strerror", None) or error
        raise BadInputError(
            f"{shortened(path)!r} cannot be used as a path ({reason}). Check it."
        ) from error


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with its leading ``~`` or ``~user`` expanded.

    Raises:
        BadInputError: there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # ~user without such a user, or ~ without HOME
        raise BadInputError(
            f"There is no home folder for {shortened(path)}. Write the whole path instead of ~."
        ) from error


def exists(path: Path) -> bool:
    """Whether something is there; False for what no file could be called."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def example_folder(name: str) -> str:
    """A path to show as an example: ``name`` in the home folder, where that is known."""
    try:
        return str(Path.home() / name)
    except RuntimeError:
        return str(Path(os.sep) / name)


def shortened(path: str | os.PathLike[str]) -> str:
    """The path as a sentence repeats it: not without end."""
    text = os.fspath(path)
    return text if len(text) <= MAX_SHOWN_PATH else f"{text[:MAX_SHOWN_PATH]}..."
