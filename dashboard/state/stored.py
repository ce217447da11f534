"""Stored dataclasses: their fields lie in Streamlit's session state.

Session state holds one plain dictionary a dataclass and subject, never an instance. ``stored``
makes a new instance around that dictionary each time it is called. So a hot reload, which replaces
the class, loses nothing: the next call lays the new class over the old dictionary, and fields that
are new in it begin with their defaults. Never keep an instance across reruns.
"""

from dataclasses import MISSING, Field, fields
from typing import Any, Protocol, TypeVar

import streamlit as st

State = TypeVar("State")


class Memory(Protocol):
    """Session state, that of an ``AppTest``, or a plain dictionary."""

    def __getitem__(self, key: str, /) -> Any: ...
    def __setitem__(self, key: str, value: Any, /) -> None: ...
    def __contains__(self, key: str, /) -> bool: ...


def stored(kind: type[State], subject: str = "") -> State:
    """The state of this browser tab. What is assigned to its fields is remembered across reruns.

    Args:
        kind: a dataclass of which every field has a default.
        subject: what the state is about where there is one for each, such as the id of a run.
    """
    return stored_in(st.session_state, kind, subject)


def stored_in(memory: Memory, kind: type[State], subject: str = "") -> State:
    """The state that ``memory`` holds, for tests that look into the session of an ``AppTest``."""
    key = storage_key(kind, subject)
    if key not in memory:
        memory[key] = {}
    values: dict[str, Any] = memory[key]
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in values:
            values[field.name] = _default(field)
    state = object.__new__(kind)
    object.__setattr__(state, "__dict__", values)  # shared: an assignment to a field writes there
    return state


def storage_key(kind: type, subject: str = "") -> str:
    """The key of the dictionary in session state.

    >>> storage_key(dict, "run-1")
    'dict/run-1'
    """
    return f"{kind.__name__}/{subject}" if subject else kind.__name__


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
