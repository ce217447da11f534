"""A cache of loaded classifiers: those that were used last stay in memory."""

import os
import threading
from collections import OrderedDict
from pathlib import Path

from ml.inference.classifier import Classifier

MAX_MODELS = 3
"""How many models stay in memory."""
MAX_THREADS = 2
"""More than two cores hardly help one picture, and a training may need them."""


class ModelCache:
    """Loads a classifier when it is first asked for. Any number of threads may share one."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, int, int], Classifier] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folder: Path) -> Classifier:
        """The classifier in a model folder, as it is now.

        Raises:
            BadInputError: there is none, it was changed or is damaged.
        """
        try:
            manifest = (folder / "model.json").stat()
            key = (str(folder), manifest.st_mtime_ns, manifest.st_size)
        except OSError:
            key = (str(folder), 0, 0)  # loading it says what is wrong
        with self._lock:
            if key not in self._models:
                threads = min(MAX_THREADS, os.cpu_count() or 1)
                self._models[key] = Classifier.load(folder, threads)
            self._models.move_to_end(key)
            while len(self._models) > MAX_MODELS:
                self._models.popitem(last=False)
            return self._models[key]
