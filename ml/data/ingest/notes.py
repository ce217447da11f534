"""Notes of an ingest: sentences on refused, repeated, contradictory and converted pictures."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ml.data.store.item_arrays import Indices, items_with_notes, labels_of, pictures_of, splits_of
from ml.data.store.versions import Item


def refusal_notes(refused: int, repeats: int, empty: Iterable[str]) -> Iterator[str]:
    """Notes on the number of refused files, the number of repeats, and classes without picture."""
    if refused:
        yield f"{pictures(refused, 'file')} could not be taken in. See which."
    for label in empty:
        yield f"The class {label} has no picture that can be read, so it was left out."
    if repeats:
        yield f"{pictures(repeats)} came twice in one class and counted once."


def item_notes(items: Sequence[Item], classes: Sequence[str]) -> Iterator[str]:
    """Notes on accepted items: contradictory labels, leaks between splits, class names that differ
    by case, conversions."""
    numbers = pictures_of(items)
    if ambiguous := _count_ambiguous(numbers, labels_of(items)):
        yield f"{pictures(ambiguous)} came under more than one class. One of the labels is wrong."
    if leaked := _count_ambiguous(numbers, splits_of(items)):
        yield f"{pictures(leaked)} came in more than one split and will count in the later one."
    by_casefolded: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        by_casefolded[name.casefold()].append(name)
    for names in by_casefolded.values():
        if len(names) > 1:
            listed = " and ".join(names)
            yield f"The classes {listed} differ in case alone. Merge them if they are one."
    for note, count in Counter(
        note for item in items_with_notes(items) for note in item.notes
    ).items():
        yield f"{pictures(count)}: {note}."


def decoding_changes(items: Iterable[Item]) -> list[dict[str, str]]:
    """What decoding changes in each file: [{file, change}]."""
    return [
        {"file": item.file, "change": "; ".join(item.notes)} for item in items_with_notes(items)
    ]


def pictures(count: int, word: str = "picture") -> str:
    """``1 picture``, ``1,200 pictures``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _count_ambiguous(numbers: Indices, values: npt.NDArray[np.integer]) -> int:
    """How many pictures have items with different ``values`` (-1 and above).

    Args:
        numbers: the picture of each item, as of ``pictures_of``.
    """
    if not len(numbers) or int(numbers.max()) + 1 == len(numbers):
        return 0
    radix = int(values.max()) + 2
    pairs = np.unique(numbers * radix + values + 1)
    return int((np.bincount(pairs // radix) > 1).sum())
