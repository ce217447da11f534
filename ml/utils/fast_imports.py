"""Importing torch and Lightning, and ending afterwards, without work for nothing.

Hundreds of thousands of objects (560,000 for ``ml.training.train``) are made that stay until the
end. The collector looks through them again and again meanwhile, and once more when the process
ends.

Lightning imports torchmetrics to know a ``Metric`` when one is logged. None is here, and with it
come metrics of sound and of detection, scipy's signals and torchvision: three tenths of what a
start takes (``benchmarks.imports``).
"""

import atexit
import gc
import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

CLASSES = ("Metric", "MetricCollection")
"""What Lightning imports of torchmetrics."""
log = logging.getLogger(__name__)


@contextmanager
def loading(*, lightning: bool = True) -> Iterator[None]:
    """Around imports that take seconds, in a process that trains. What is there at the end of it,
    and at the end of the process, is not looked at again; what comes between is collected as
    always. With ``lightning`` that is imported first, without torchmetrics."""
    collects = gc.isenabled()
    gc.disable()
    try:
        if lightning:
            _load_lightning()
        yield
    finally:
        gc.freeze()
        atexit.unregister(gc.freeze)  # once, however often this is called
        atexit.register(gc.freeze)
        if collects:
            gc.enable()


def _load_lightning() -> None:
    """With a stand-in for torchmetrics, which is gone afterwards: who imports that gets it. Where
    Lightning wants more of it than two classes, it is imported as always."""
    if "lightning" in sys.modules or "torchmetrics" in sys.modules:
        return
    stand_in = ModuleType("torchmetrics")
    stand_in.__spec__ = importlib.util.find_spec("torchmetrics")
    for name in CLASSES:
        setattr(stand_in, name, type(name, (), {}))
    sys.modules["torchmetrics"] = stand_in
    try:
        importlib.import_module("lightning.pytorch")
    except (ImportError, AttributeError):
        log.info("Lightning asks for more of torchmetrics than before.", exc_info=True)
        for name in [name for name in sys.modules if name.split(".")[0] == "lightning"]:
            del sys.modules[name]
    finally:
        del sys.modules["torchmetrics"]
