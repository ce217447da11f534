"""Importing torch and Lightning, and ending afterwards, without a search for garbage.

Hundreds of thousands of objects (680,000 for ``ml.train``) are made that stay until the end. The
collector looks through them again and again meanwhile, and once more when the process ends.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Around imports that take seconds. What is there at the end of it, and at the end of the
    process, is not looked at again; what comes between is collected as always."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.unregister(gc.freeze)  # once, however often this is called
        atexit.register(gc.freeze)
        if collects:
            gc.enable()
