"""What this server allows: everything on one's own computer, little to strangers."""

import os


def local_mode() -> bool:
    """Whether the page is for the person at this computer, who may name folders on it.

    ``LENSMITH_PUBLIC=1`` says that it is not.
    """
    return os.environ.get("LENSMITH_PUBLIC", "") in ("", "0")
