"""The exceptions of Lensmith, each with a sentence for people and an exit code.

Every message is one plain sentence or two: what happened, why, and what to do next. It is shown as
it stands on a page and on standard error; the traceback goes to the log alone.
"""


class MLError(Exception):
    """Base of every error that is raised on purpose. ``exit_code`` is for the command line."""

    exit_code = 1


class BadInputError(MLError):
    """What was asked for cannot be done: a wrong value, an unknown name, an unreadable file."""

    exit_code = 2


class WorkspaceError(BadInputError):
    """The workspace cannot be used: full, read-only, or written by a newer Lensmith."""


class DivergedError(MLError):
    """The loss stopped being a number."""


class OutOfMemoryError(MLError):
    """The machine or the accelerator has no memory left for this batch or picture size."""


class StoppedError(MLError):
    """Somebody asked the task to stop, and it did."""

    exit_code = 130
