"""Environment variables of Lensmith: each with the values that it takes, and no other.

What limits a server must not be open because of a slip: an unknown value, or an unknown name that
begins with ``LENSMITH_``, is an error that says so.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import WorkspaceError

PREFIX = "LENSMITH_"


@dataclass(frozen=True)
class Variable:
    """What the values of a variable match, and how a sentence calls them."""

    pattern: str
    values: str


_FLAG = Variable("0|1", "0 or 1")
_ANY = Variable(r".*", "any text")
_NUMBER = Variable(r"\d{1,18}", "a whole number")
VARIABLES = {
    "LENSMITH_ACCEPT_LICENCES": _ANY,
    "LENSMITH_BROWSER": _ANY,
    "LENSMITH_DEMO": _ANY,
    "LENSMITH_MEMORY_LIMIT": _NUMBER,
    "LENSMITH_PARENT": _NUMBER,
    "LENSMITH_MODE": Variable("demo", "demo, or nothing"),
    "LENSMITH_PLUGINS": _FLAG,
    "LENSMITH_PRIORITY": Variable("normal", "normal, or nothing"),
    "LENSMITH_PUBLIC": _FLAG,
    "LENSMITH_THREADS": _NUMBER,
    "LENSMITH_TORCH_INDEX": _ANY,
    "LENSMITH_WEIGHTS": _ANY,
    "LENSMITH_WORKSPACE": _ANY,
}
"""By name. None of them need be set, and an empty one is not."""


def value(name: str, environment: Mapping[str, str] | None = None) -> str:
    """The value of a variable of ``VARIABLES``; empty where it is not set.

    Raises:
        WorkspaceError: it is none that the variable takes.
    """
    text = (os.environ if environment is None else environment).get(name, "")
    variable = VARIABLES[name]
    if text and not re.fullmatch(variable.pattern, text, re.IGNORECASE | re.ASCII | re.DOTALL):
        raise WorkspaceError(f"{name} is {text[:40]!r}, and can be {variable.values}. Set it anew.")
    return text


def flag(name: str) -> bool | None:
    """Whether a variable is 1; None where it is not set. Raises WorkspaceError as ``value``."""
    text = value(name)
    return text == "1" if text else None


def check(environment: Mapping[str, str] | None = None) -> None:
    """Whether every variable of ours has a known name and a known value.

    Raises:
        WorkspaceError: one has not.
    """
    names = os.environ if environment is None else environment
    for name in sorted(name for name in names if name.upper().startswith(PREFIX)):
        if name in VARIABLES:
            value(name, environment)
            continue
        near = difflib.get_close_matches(name.upper(), VARIABLES, 1)
        advice = f"Did you mean {near[0]}?" if near else "docs/settings.md lists what there is."
        raise WorkspaceError(f"There is no variable {name[:60]}. {advice}")
