"""What the fields of an edit may be: each check returns the value as it is used, or refuses it.

Raises:
    BadInputError: in each of them, with a sentence that says what the field takes.
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ml.data.store.item import SPLITS
from ml.errors import BadInputError

MOST_LETTERS = 100


class Known(NamedTuple):
    """What an edit may speak of: the classes of now, and how many items there are."""

    classes: Sequence[str]
    items: int


Check = Callable[[Known, Any], Any]


def items(known: Known, value: Any) -> list[int]:
    """Numbers of items, each once."""
    count = known.items
    if not isinstance(value, list) or not all(type(n) is int and 0 <= n < count for n in value):
        raise BadInputError(
            f"items is a list of numbers from 0 to {count - 1}, one a picture, not {value!r:.80}."
        )
    return list(dict.fromkeys(value))


def class_(known: Known, value: Any) -> int:
    """The label of a class that is there."""
    if value not in known.classes:
        named = ", ".join(known.classes[:20]) or "none yet"
        raise BadInputError(f"There is no class {value!r:.80}. The classes are: {named}.")
    return known.classes.index(value)


def classes(known: Known, value: Any) -> list[int]:
    """The labels of classes that are there, each once."""
    if not isinstance(value, list):
        raise BadInputError(f"names is a list of classes, not {value!r:.80}.")
    return list(dict.fromkeys(class_(known, name) for name in value))


def name(known: Known, value: Any) -> str:
    """A name that a class may have."""
    shown = unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
    if not 0 < len(shown) <= MOST_LETTERS or not shown.isprintable():
        raise BadInputError(
            f"A class needs a name of 1 to {MOST_LETTERS} letters, not {value!r:.80}."
        )
    return shown


def groups(known: Known, value: Any) -> list[str | None]:
    """A group or none for each item."""
    good = isinstance(value, list) and all(g is None or isinstance(g, str) for g in value)
    if not good or len(value) != known.items:
        raise BadInputError(
            f"groups is a list of names or null, one for each of the {known.items} pictures."
        )
    return [group or None for group in value]


def seed(known: Known, value: Any) -> int:
    """A seed."""
    if type(value) is not int or not 0 <= value < 2**31:
        raise BadInputError(f"A seed is a whole number from 0 to {2**31 - 1}, not {value!r:.80}.")
    return value


def split(known: Known, value: Any) -> str | None:
    """A split or none."""
    if value is None or (isinstance(value, str) and value in SPLITS):
        return value
    raise BadInputError(f"A split is one of {', '.join(SPLITS)} or null, not {value!r:.80}.")
