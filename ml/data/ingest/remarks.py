"""What a person should know of pictures that were brought in, a sentence each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ml.data.store.item_arrays import Indices, items_with_notes, labels_of, pictures_of, splits_of
from ml.data.store.versions import Item


def of_refusals(refused: int, twice: int, empty: Iterable[str]) -> Iterator[str]:
    """Of what was not taken: so many ``refused``, so many ``twice``, classes without a picture."""
    if refused:
        yield f"{pictures(refused, 'file')} could not be taken in. See which."
    for label in empty:
        yield f"The class {label} has no picture that can be read, so it was left out."
    if twice:
        yield f"{pictures(twice)} came twice in one class and counted once."


def of_items(items: Sequence[Item], classes: Sequence[str]) -> Iterator[str]:
    """Of what was taken: contradictions, leaks, names that differ by case, conversions."""
    numbers = pictures_of(items)
    if torn := _of_several(numbers, labels_of(items)):
        yield f"{pictures(torn)} came under more than one class. One of the labels is wrong."
    if leaked := _of_several(numbers, splits_of(items)):
        yield f"{pictures(leaked)} came in more than one split and will count in the later one."
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[name.casefold()].append(name)
    for names in alike.values():
        if len(names) > 1:
            them = " and ".join(names)
            yield f"The classes {them} differ in case alone. Merge them if they are one."
    for note, count in Counter(
        note for item in items_with_notes(items) for note in item.notes
    ).items():
        yield f"{pictures(count)}: {note}."


def changes(items: Iterable[Item]) -> list[dict[str, str]]:
    """What decoding changes, file by file: [{file, change}]."""
    return [
        {"file": item.file, "change": "; ".join(item.notes)} for item in items_with_notes(items)
    ]


def pictures(count: int, word: str = "picture") -> str:
    """``1 picture``, ``1,200 pictures``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _of_several(numbers: Indices, values: npt.NDArray[np.integer]) -> int:
    """How many pictures have more than one of the ``values``, which are -1 and above."""
    if not len(numbers) or int(numbers.max()) + 1 == len(numbers):
        return 0
    base = int(values.max()) + 2
    pairs = np.unique(numbers * base + values + 1)
    return int((np.bincount(pairs // base) > 1).sum())
