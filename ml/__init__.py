"""Train, evaluate and hand on image classifiers: what pages and command line stand on."""

from ml.version import __version__

__all__ = ["__version__"]
