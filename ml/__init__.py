"""Train, evaluate and hand on image classifiers: what pages and command line stand on.

From a notebook or a script, ``import ml`` gives ``ml.ingest``, ``ml.train``, ``ml.evaluate``,
``ml.load`` and ``ml.export_model`` (see ``ml.api``). These names stay from version to version.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.api import (
        Classification,
        Dataset,
        Model,
        TrainedRun,
        evaluate,
        export_model,
        ingest,
        load,
        train,
    )

__all__ = [
    "Classification",
    "Dataset",
    "Model",
    "TrainedRun",
    "__version__",
    "evaluate",
    "export_model",
    "ingest",
    "load",
    "train",
]

__version__ = "0.1.0"
"""The one place where the version of Lensmith stands."""

# From 1.29 on ONNX Runtime tells Microsoft's servers about each process and model, and keeps a
# number for this machine in the home folder, unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    """Import ``ml.api`` when one of its names is first asked for: ``import ml`` stays light."""
    if name not in __all__:
        raise AttributeError(f"module 'ml' has no attribute {name!r}")
    from ml import api

    return getattr(api, name)
