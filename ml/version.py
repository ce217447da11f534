"""The one place where the version of Lensmith stands."""

__version__ = "0.1.0"
