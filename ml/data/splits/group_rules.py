"""Which pictures belong together: one person, one scene, one burst. Pure.

Each function takes what is known of every picture, in order, and returns the name of its group, or
None where it stands alone: what the edit ``set_groups`` takes.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ml.data.store.item import SPLITS
from ml.errors import BadInputError

Groups = list[str | None]
SECONDS = 60.0
"""Pictures that follow one another more quickly were taken in one go."""
MOST_PATTERN = 200
SPLIT_FOLDERS = {*SPLITS, "valid", "validation", "training", "testing"}
_REPEATED = re.compile(r"(?<!\\)\)[*+{]")
"""``(a+)+`` takes longer than anybody lives on an unlucky name."""
MOST_NAME = 200
_NUMBER = re.compile(r"^(.*?)(\d{1,15})(\D*)$", re.DOTALL)


def by_folder(files: Sequence[str], classes: Iterable[str]) -> Groups:
    """By the folders a picture is in, besides those of its class and its split.

    >>> by_folder(["train/cat/tom/1.jpg", "cat/tom/2.jpg", "cat/3.jpg"], ["cat"])
    ['tom', 'tom', None]
    """
    plain = {name.casefold() for name in classes} | SPLIT_FOLDERS
    found: Groups = []
    for file in files:
        parts = PurePosixPath(file.replace("\\", "/")).parts[:-1]
        found.append("/".join(part for part in parts if part.casefold() not in plain) or None)
    return found


def by_name(files: Sequence[str], pattern: str) -> Groups:
    """By what the regular expression ``pattern`` finds in the name of a file, without its folder:
    its groups in parentheses where it has some, else all that it matches.

    >>> by_name(["cat/anna_01.jpg", "dog/anna_02.jpg", "x.jpg"], "^([a-z]+)_")
    ['anna', 'anna', None]

    Raises:
        BadInputError: the pattern is not a regular expression, or could take for ever.
    """
    if len(pattern) > MOST_PATTERN:
        raise BadInputError(f"The pattern is longer than {MOST_PATTERN} letters. Shorten it.")
    if _REPEATED.search(pattern):
        raise BadInputError("A pattern cannot repeat what is in parentheses. Write it out.")
    try:
        wanted = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadInputError(f"{pattern!r} is not a regular expression: {error}.") from error
    found: Groups = []
    for file in files:
        match = wanted.search(_stem(file)[:MOST_NAME])
        parts = (match.groups("") or (match.group(),)) if match else ()
        found.append(" ".join(part for part in parts if part) or None)
    return found


def by_time(times: Sequence[float | None], seconds: float = SECONDS) -> Groups:
    """By the moment a picture was taken: a pause longer than ``seconds`` begins another group.

    >>> by_time([0.0, 500.0, 30.0, None], 60)
    ['burst 1', 'burst 2', 'burst 1', None]

    Raises:
        BadInputError: ``seconds`` is not a length of time.
    """
    if not 0 <= seconds < math.inf:
        raise BadInputError(f"A pause is a number of seconds, 0 or more, not {seconds}.")
    known = sorted((time, n) for n, time in enumerate(times) if time is not None)
    numbers: dict[int, int] = {}
    number, last = 0, -math.inf
    for time, n in known:
        number += time - last > seconds
        numbers[n], last = number, time
    return [f"burst {numbers[n]}" if n in numbers else None for n in range(len(times))]


def by_number(
    files: Sequence[str], labels: Sequence[int] | None = None, *, step: int = 1
) -> Groups:
    """By runs of file numbers that follow one another, whatever folders the files are in.

    A number may be ``step`` above the one before it. With ``labels`` a run ends also where a class
    comes again after another: who shows one sign after the other begins anew.

    >>> by_number(["a/IMG_7.jpg", "b/IMG_8.jpg", "a/IMG_20.jpg", "a/cover.jpg"])
    ['IMG_7', 'IMG_7', 'IMG_20', None]
    """
    numbered = []
    for n, file in enumerate(files):
        if match := _NUMBER.match(_stem(file)):
            before, digits, after = match.groups()
            numbered.append(((before, after), int(digits), n))
    found: Groups = [None] * len(files)
    run, last, seen, previous = "", (("", ""), -math.inf), set[int](), -1
    for series, number, n in sorted(numbered):
        label = labels[n] if labels is not None else -1
        again = labels is not None and label in seen and label != previous
        if series != last[0] or number - last[1] > step or again:
            run, seen = _stem(files[n]), set()
        seen.add(label)
        found[n], last, previous = run, (series, number), label
    return found


def torn(groups: Sequence[str | None], tested: Sequence[bool]) -> int:
    """How many groups have pictures on both sides of the test."""
    sides = {(group, bool(test)) for group, test in zip(groups, tested, strict=True) if group}
    return sum(count > 1 for count in Counter(group for group, _ in sides).values())


def _stem(file: str) -> str:
    return PurePosixPath(file.replace("\\", "/")).stem
