"""Submodule import: imports every module of a package, for registries whose entries are files."""

import importlib
import logging
import pkgutil
from collections.abc import Container
from types import ModuleType

log = logging.getLogger(__name__)


def import_submodules(package: ModuleType, *, skip: Container[str] = ()) -> dict[str, str]:
    """Import the modules of ``package`` in the order of their names, but for the names in ``skip``.

    A module that cannot be imported harms no other: it is logged.

    Returns:
        The reason of each that could not be imported, by its full name.
    """
    errors: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{module.name}"
        if name in skip:
            continue
        try:
            importlib.import_module(name)
        except Exception as error:
            log.exception("%s is left out: it cannot be imported.", name)
            errors[name] = f"{type(error).__name__}: {error}"
    return errors
