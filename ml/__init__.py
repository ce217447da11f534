"""Train, evaluate and hand on image classifiers: the package behind the pages and the command line."""

from ml.version import __version__

__all__ = ["__version__"]
