"""Random draws of training and test pictures from a source, written as class folders.

A draw is stratified by class. Pictures with the same bytes, or of one group, stay on one side. Test
folders of the source stay the test.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ml.data.pixels.pixels import RESIZE_FILTER
from ml.data.sources.listing import Candidate
from ml.data.sources.registry import list_source
from ml.data.splits.group_rules import Groups, by_folder, by_name, by_number
from ml.data.splits.groups import SplitGroups, split_groups
from ml.data.splits.held_out import normalised_splits
from ml.data.splits.stratified import assign_groups, count_labels
from ml.data.store.item import Item
from ml.data.store.item_arrays import Indices
from ml.errors import BadInputError

TEST_SHARE = 0.25
"""The share of test pictures where neither a limit nor a test folder decides."""
TRAIN, TEST = 0, 2
MAX_EXTENSION_LENGTH = 5


@dataclass(frozen=True)
class Source:
    """The pictures of a folder: ``candidates`` read them, ``items`` hold hash, label and group."""

    name: str
    classes: tuple[str, ...]
    candidates: Sequence[Candidate]
    items: Sequence[Item]


@dataclass(frozen=True)
class Draw:
    """Which items of a source train (validation included) and which are the test: int64 (n,)."""

    train: Indices
    test: Indices


def open_source(path: Path, group_rule: str = "") -> Source:
    """List what is at ``path`` and hash every picture.

    Args:
        group_rule: ``folder``, ``number``, ``name:REGEX``, or empty for identical files alone.

    Raises:
        BadInputError: there are no pictures of two classes, or no such rule.
    """
    listing = list_source(path)
    candidates = list(listing.candidates)  # of a folder: the pictures stay on the disk
    classes = tuple(sorted(listing.classes))
    numbers = {label: number for number, label in enumerate(classes)}
    labels = [numbers[one.label] for one in candidates]
    groups = _groups([one.file for one in candidates], classes, labels, group_rule)
    items = [
        Item(hashlib.sha256(one.read()).hexdigest(), label, one.split, one.file, group or one.group)
        for one, label, group in zip(candidates, labels, groups, strict=True)
    ]
    return Source(path.name, classes, candidates, normalised_splits(items))


def _groups(
    files: list[str], classes: tuple[str, ...], labels: list[int], group_rule: str
) -> Groups:
    kind, _, pattern = group_rule.partition(":")
    if kind == "name" and pattern:
        return by_name(files, pattern)
    if group_rule == "number":
        return by_number(files, labels)
    if group_rule == "folder":
        return by_folder(files, classes)
    if group_rule:
        raise BadInputError(f"Groups are folder, number or name:REGEX, not {group_rule}.")
    return [None] * len(files)


def draw(source: Source, limit: int, max_test: int, seed: int) -> Draw:
    """Draw ``limit`` training pictures and at most ``max_test`` others as the test.

    Args:
        limit: 0 takes all training pictures of a source with a test folder, and 75 % of another.

    Raises:
        BadInputError: fewer than one picture a class would be in the test.
    """
    items = source.items
    given_test = np.flatnonzero([item.split == "test" for item in items])
    pool = np.flatnonzero([item.split != "test" for item in items])
    has_test = len(given_test) > 0
    if has_test:  # a copy of a test picture must not train
        test_hashes = {items[n].hash for n in given_test}
        test_groups = {items[n].group for n in given_test} - {None}
        pool = np.array(
            [n for n in pool if not (items[n].hash in test_hashes or items[n].group in test_groups)]
        )
    wanted = limit or (len(pool) if has_test else round(len(pool) * (1 - TEST_SHARE)))
    train, rest = _take(items, pool, wanted, seed)
    test, _ = _take(items, given_test if has_test else rest, max_test, seed)
    if not len(test) or len(count_labels(items, train)) < 2:
        raise BadInputError(f"{source.name} has too few pictures to draw {wanted} and a test.")
    return Draw(train, test)


def _take(items: Sequence[Item], pool: Indices, count: int, seed: int) -> tuple[Indices, Indices]:
    """About ``count`` of the items ``pool``, each class by its share, and the rest of them."""
    if count >= len(pool):
        return pool, pool[:0]
    groups = split_groups(items, pool)
    shuffled: SplitGroups = groups.take(np.random.default_rng(seed).permutation(len(groups)))
    totals = count_labels(items, pool)
    targets = {label: max(1, round(n * count / len(pool))) for label, n in totals.items()}
    side = np.full(len(items), -1, np.int64)
    assign_groups(items, shuffled, TEST, targets, side)
    return np.flatnonzero(side == TEST), np.flatnonzero(side == TRAIN)


def write_folders(source: Source, drawn: Draw, folder: Path, side: int = 0) -> None:
    """Write the pictures as ``train/CLASS/`` and ``test/CLASS/``.

    Args:
        side: pictures whose shorter side is longer are brought to so many px; 0 copies the files.
    """
    for split, chosen in (("train", drawn.train), ("test", drawn.test)):
        for number in chosen.tolist():
            item, data = source.items[number], source.candidates[number].read()
            target = folder / split / source.classes[item.label]
            target.mkdir(parents=True, exist_ok=True)
            smaller = _shrunk(data, side) if side else None
            extension = ".png" if smaller else _extension(item.file)
            (target / f"{number:06d}{extension}").write_bytes(smaller or data)


def _extension(file: str) -> str:
    extension = Path(file).suffix
    return extension if 1 < len(extension) <= MAX_EXTENSION_LENGTH else ".png"


def _shrunk(data: bytes, side: int) -> bytes | None:
    """A PNG whose shorter side is ``side``; None where the picture is not larger."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        if min(image.size) <= side:
            return None
        scale = side / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        mode = "L" if image.mode in ("1", "L") else "RGB"
        out = io.BytesIO()
        image.convert(mode).resize(size, RESIZE_FILTER).save(out, "PNG")
    return out.getvalue()
