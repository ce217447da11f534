"""The pictures that one tab is trying on its models, and what each model said of them.

A plain list in ``st.session_state``, the newest first. Pictures are held as they came, so that
another model can be asked about them as well; when they grow too many or too large, the oldest go.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import streamlit as st

MOST_PICTURES = 100
MOST_BYTES = 64_000_000
"""How much of the server's memory the pictures of one tab may hold."""
TOP = 5
"""How many classes an answer ranks."""

Entry = dict[str, Any]
"""``id``, ``name``, ``data`` (bytes, or None once let go), ``truth`` (a class or ""), ``answers``
by run id."""
Ask = Callable[[bytes, str], dict[str, Any]]
"""Classifies the bytes of a picture that has that name."""


def entries() -> list[Entry]:
    """The pictures of this tab, the newest first."""
    found: list[Entry] = st.session_state.setdefault("tray", [])
    return found


def add(name: str, data: bytes, truth: str = "") -> None:
    """Put a picture on top. One that is there already moves up and keeps its answers."""
    identifier = hashlib.sha256(data).hexdigest()[:20]
    held = entries()
    known = next((entry for entry in held if entry["id"] == identifier), None)
    answers = known["answers"] if known else {}
    fresh = {"id": identifier, "name": name, "data": data, "truth": truth, "answers": answers}
    others = [entry for entry in held if entry["id"] != identifier]
    st.session_state["tray"] = limited([fresh, *others])


def limited(held: list[Entry]) -> list[Entry]:
    """``held`` within the limits: the oldest leave the list, or keep their answers alone."""
    kept, total = held[:MOST_PICTURES], 0
    for entry in kept:
        total += len(entry["data"] or b"")
        if total > MOST_BYTES:
            entry["data"] = None
    return kept


def remove(identifier: str) -> None:
    """Take one picture out."""
    st.session_state["tray"] = [entry for entry in entries() if entry["id"] != identifier]


def clear() -> None:
    """Take all pictures out."""
    st.session_state["tray"] = []


def unanswered(run: str) -> list[Entry]:
    """The pictures that the model of ``run`` was not asked about and that are still held."""
    return [
        entry for entry in entries() if run not in entry["answers"] and entry["data"] is not None
    ]


def answer(run: str, ask: Ask, progress: Callable[[int, int], None]) -> None:
    """Ask about all unanswered pictures; ``progress`` is told how many of how many are done."""
    waiting = unanswered(run)
    for done, entry in enumerate(waiting):
        progress(done, len(waiting))
        entry["answers"][run] = ask(entry["data"], entry["name"])


def lines(run: str) -> list[list[object]]:
    """The answers of one model as lines of a table, the header first."""
    header = ["file", "label", "probability", "decision", "error", "unlike"]
    ranks = [f"{word} {place}" for place in range(1, TOP + 1) for word in ("label", "probability")]
    made: list[list[object]] = [[*header, *ranks]]
    for entry in entries():
        said = entry["answers"].get(run)
        if said is None:
            continue
        top = [cell for one in said["top"] for cell in (one["label"], f"{one['probability']:.6f}")]
        first = [entry["name"], *(said.get(name) for name in header[1:])]
        made.append([*("" if cell is None else cell for cell in first), *top])
    return made
