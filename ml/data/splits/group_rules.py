"""Group rules: find pictures of one person, scene or burst by folder, name, number or time. Pure.

Each function takes one value a picture, in order, and returns its group's name, or None for no
group: what the edit ``set_groups`` takes.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ml.data.store.item import SPLITS
from ml.errors import BadInputError

Groups = list[str | None]
MAX_PAUSE_SECONDS = 60.0
"""A longer pause between two pictures begins another group."""
MAX_PATTERN_LENGTH = 200
SPLIT_FOLDERS = {*SPLITS, "valid", "validation", "training", "testing"}
_REPEATED = re.compile(r"(?<!\\)\)[*+{]")
"""A repeated group, such as ``(a+)+``: matching can take exponential time."""
MAX_SEARCHED_LENGTH = 200
_NUMBER = re.compile(r"^(.*?)(\d{1,15})(\D*)$", re.DOTALL)


def by_folder(files: Sequence[str], classes: Iterable[str]) -> Groups:
    """Group by folder; folders named as a class or a split do not count.

    >>> by_folder(["train/cat/tom/1.jpg", "cat/tom/2.jpg", "cat/3.jpg"], ["cat"])
    ['tom', 'tom', None]
    """
    ignored = {name.casefold() for name in classes} | SPLIT_FOLDERS
    groups: Groups = []
    for file in files:
        parts = PurePosixPath(file.replace("\\", "/")).parts[:-1]
        groups.append("/".join(part for part in parts if part.casefold() not in ignored) or None)
    return groups


def by_name(files: Sequence[str], pattern: str) -> Groups:
    """Group by what the regular expression ``pattern`` finds in the file name without its folder:
    its groups in parentheses, or the whole match if it has none.

    >>> by_name(["cat/anna_01.jpg", "dog/anna_02.jpg", "x.jpg"], "^([a-z]+)_")
    ['anna', 'anna', None]

    Raises:
        BadInputError: the pattern is not a regular expression, or could take for ever.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise BadInputError(f"The pattern is longer than {MAX_PATTERN_LENGTH} letters. Shorten it.")
    if _REPEATED.search(pattern):
        raise BadInputError("A pattern cannot repeat what is in parentheses. Write it out.")
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadInputError(f"{pattern!r} is not a regular expression: {error}.") from error
    groups: Groups = []
    for file in files:
        match = compiled.search(_stem(file)[:MAX_SEARCHED_LENGTH])
        parts = (match.groups("") or (match.group(),)) if match else ()
        groups.append(" ".join(part for part in parts if part) or None)
    return groups


def by_time(times: Sequence[float | None], seconds: float = MAX_PAUSE_SECONDS) -> Groups:
    """Group by capture time: a pause longer than ``seconds`` begins another group.

    >>> by_time([0.0, 500.0, 30.0, None], 60)
    ['burst 1', 'burst 2', 'burst 1', None]

    Raises:
        BadInputError: ``seconds`` is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise BadInputError(f"A pause is a number of seconds, 0 or more, not {seconds}.")
    timed = sorted((time, n) for n, time in enumerate(times) if time is not None)
    numbers: dict[int, int] = {}
    number, previous = 0, -math.inf
    for time, n in timed:
        number += time - previous > seconds
        numbers[n], previous = number, time
    return [f"burst {numbers[n]}" if n in numbers else None for n in range(len(times))]


def by_number(
    files: Sequence[str], labels: Sequence[int] | None = None, *, step: int = 1
) -> Groups:
    """Group by runs of consecutive file numbers, across folders.

    A number may be up to ``step`` above the one before it. With ``labels`` (files,) a run also ends
    where a class returns: a person who shows one sign after another has each sign once.

    >>> by_number(["a/IMG_7.jpg", "b/IMG_8.jpg", "a/IMG_20.jpg", "a/cover.jpg"])
    ['IMG_7', 'IMG_7', 'IMG_20', None]
    """
    numbered = []
    for n, file in enumerate(files):
        if match := _NUMBER.match(_stem(file)):
            prefix, digits, suffix = match.groups()
            numbered.append(((prefix, suffix), int(digits), n))
    groups: Groups = [None] * len(files)
    group, last, labels_seen, previous = "", (("", ""), -math.inf), set[int](), -1
    for series, number, n in sorted(numbered):
        label = labels[n] if labels is not None else -1
        class_returns = labels is not None and label in labels_seen and label != previous
        if series != last[0] or number - last[1] > step or class_returns:
            group, labels_seen = _stem(files[n]), set()
        labels_seen.add(label)
        groups[n], last, previous = group, (series, number), label
    return groups


def count_torn_groups(groups: Sequence[str | None], in_test: Sequence[bool]) -> int:
    """How many groups have pictures in the test and outside it."""
    sides = {(group, bool(test)) for group, test in zip(groups, in_test, strict=True) if group}
    return sum(count > 1 for count in Counter(group for group, _ in sides).values())


def _stem(file: str) -> str:
    return PurePosixPath(file.replace("\\", "/")).stem
