"""Train, evaluate and hand on image classifiers: what pages and command line stand on."""

import os

__all__ = ["__version__"]

__version__ = "0.1.0"
"""The one place where the version of Lensmith stands."""

# From 1.29 on ONNX Runtime tells Microsoft's servers about each process and model, and keeps a
# number for this machine in the home folder, unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
