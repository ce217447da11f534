"""Dataclass fields that describe and check themselves: label, help, range and choices."""

import math
from dataclasses import field
from typing import Any

from ml.errors import BadInputError


def described(
    default: Any,
    label: str,
    help: str,
    group: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    unit: str = "",
    log: bool = False,
    shell: bool = False,
) -> Any:
    """A dataclass field whose metadata says what a form needs.

    Args:
        low: the least value, itself allowed.
        high: the largest value, itself allowed.
        log: the scale of a form is logarithmic.
        shell: only the command line offers it, no page.
    """
    about: dict[str, Any] = {"label": label, "help": help, "group": group}
    about |= {"low": low, "high": high}
    about |= {"choices": choices, "unit": unit, "log": log, "shell": shell}
    return field(default=default, metadata=about)


def converted(item: Any, value: Any) -> Any:
    """``value`` as the type of the default of the dataclass field ``item``. Text is converted.

    Raises:
        BadInputError: another type, not finite, not one of the choices, or out of range.
    """
    kind, about = type(item.default), item.metadata
    given = value
    if kind is bool and isinstance(value, str):
        value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            value.strip().lower(), value
        )
    elif kind in (int, float) and isinstance(value, str):
        try:
            value = kind(value)
        except ValueError:
            value = given
    elif kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[kind]
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise BadInputError(f"{item.name} takes {wanted}, not {given!r}.")
    choices, low, high = about.get("choices"), about.get("low"), about.get("high")
    if choices and value not in choices:
        raise BadInputError(f"{item.name} is one of {', '.join(map(str, choices))}, not {given!r}.")
    if (low is not None and value < low) or (high is not None and value > high):
        raise BadInputError(f"{item.name} goes from {low} to {high}, not {given!r}.")
    return value
