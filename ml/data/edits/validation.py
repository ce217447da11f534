"""Validation of the fields of an edit: each check returns the value in the form that is applied.

Raises:
    BadInputError: in each check, with a sentence that says what the field takes.
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ml.data.store.item import SPLITS
from ml.errors import BadInputError

MAX_NAME_LENGTH = 100


class EditContext(NamedTuple):
    """What a check refers to: the current classes, and how many items there are."""

    classes: Sequence[str]
    items: int


Check = Callable[[EditContext, Any], Any]


def items(context: EditContext, value: Any) -> list[int]:
    """Item numbers without repeats."""
    count = context.items
    if not isinstance(value, list) or not all(type(n) is int and 0 <= n < count for n in value):
        raise BadInputError(
            f"items is a list of numbers from 0 to {count - 1}, one a picture, not {value!r:.80}."
        )
    return list(dict.fromkeys(value))


def class_(context: EditContext, value: Any) -> int:
    """The label of an existing class."""
    if value not in context.classes:
        listed = ", ".join(context.classes[:20]) or "none yet"
        raise BadInputError(f"There is no class {value!r:.80}. The classes are: {listed}.")
    return context.classes.index(value)


def classes(context: EditContext, value: Any) -> list[int]:
    """The labels of existing classes, without repeats."""
    if not isinstance(value, list):
        raise BadInputError(f"names is a list of classes, not {value!r:.80}.")
    return list(dict.fromkeys(class_(context, name) for name in value))


def name(context: EditContext, value: Any) -> str:
    """A class name: 1 to ``MAX_NAME_LENGTH`` printable characters, normalised."""
    shown = unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
    if not 0 < len(shown) <= MAX_NAME_LENGTH or not shown.isprintable():
        raise BadInputError(
            f"A class needs a name of 1 to {MAX_NAME_LENGTH} letters, not {value!r:.80}."
        )
    return shown


def groups(context: EditContext, value: Any) -> list[str | None]:
    """A group or None for each item."""
    is_list_of_names = isinstance(value, list) and all(
        g is None or isinstance(g, str) for g in value
    )
    if not is_list_of_names or len(value) != context.items:
        raise BadInputError(
            f"groups is a list of names or null, one for each of the {context.items} pictures."
        )
    return [group or None for group in value]


def seed(context: EditContext, value: Any) -> int:
    """A seed, from 0 to 2**31 - 1."""
    if type(value) is not int or not 0 <= value < 2**31:
        raise BadInputError(f"A seed is a whole number from 0 to {2**31 - 1}, not {value!r:.80}.")
    return value


def split(context: EditContext, value: Any) -> str | None:
    """A split or None."""
    if value is None or (isinstance(value, str) and value in SPLITS):
        return value
    raise BadInputError(f"A split is one of {', '.join(SPLITS)} or null, not {value!r:.80}.")
