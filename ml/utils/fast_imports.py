"""Fast imports of torch and Lightning: the garbage collector passes over what they make.

Importing ``ml.training.train`` makes more than 560,000 objects that stay until the process ends.
The collector would look through them again and again, and once more at the end.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Put it around imports that take seconds, in a process that trains.

    The collector looks at no object that is there at its end or at the end of the process; what
    comes between is collected as always.
    """
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
