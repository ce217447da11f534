"""The checks there are: one decorated function each, in a module of ``ml.doctor.checks``."""

import importlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ml.doctor.finding import Finding

if TYPE_CHECKING:
    from ml.doctor.case import Case

Check = Callable[["Case"], Iterable[Finding]]

MODULES = ("files", "duplicates", "leaks", "bursts", "classes", "appearance", "labels", "shift")
"""The modules whose import registers checks, in the order in which they are made."""

_checks: dict[str, Check] = {}


def check(*kinds: str) -> Callable[[Check], Check]:
    """Register the decorated function, which yields findings of these ``kinds``.

    Raises:
        ValueError: a kind has a check already.
    """

    def decorate(function: Check) -> Check:
        for kind in kinds:
            if kind in _checks:
                raise ValueError(f"There are two checks for {kind}.")
            _checks[kind] = function
        return function

    return decorate


def all_checks() -> list[tuple[Check, tuple[str, ...]]]:
    """Every check with the kinds that it finds, in order."""
    for module in MODULES:
        importlib.import_module(f"ml.doctor.checks.{module}")
    found: dict[Check, tuple[str, ...]] = {}
    for kind, function in _checks.items():
        found[function] = (*found.get(function, ()), kind)
    return list(found.items())
