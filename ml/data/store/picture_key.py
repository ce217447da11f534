"""Picture key: names a picture by its content, the same in every version of a data set.

Beside it there are two numbers that name a picture for a moment: its item number, good within one
version (whose fingerprint has to be kept beside it), and its place in the results of a run, good
within one report. Turn either into a ``PictureKey`` before it leaves that version or report.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from ml.data.store.versions import DatasetVersion

SHORT_HASH_DIGITS = 20
"""80 bits: among a million pictures two share them with a probability of about 4e-13."""


class PictureKey(NamedTuple):
    """Names one picture by its content, whatever version or upload it came with.

    Content alone would do but for copies: a version may hold the same file under several names,
    under other labels. An upload has no file name in a version, so its ``file`` is empty.
    """

    hash: str
    """SHA-256 of the file as it came, 64 hexadecimal digits: where the store keeps it."""
    file: str = ""
    """Its original name in the data set; empty where that is not known."""

    @property
    def short_hash(self) -> str:
        """The start of the hash, for keys of widgets and for the browser."""
        return self.hash[:SHORT_HASH_DIGITS]


def key_of_upload(data: bytes) -> PictureKey:
    """The key of a picture that was uploaded, from the bytes of its file."""
    return PictureKey(hashlib.sha256(data).hexdigest())


def key_of_item(version: DatasetVersion, number: int) -> PictureKey:
    """The key of the item with that number.

    Raises:
        IndexError: there is no such item.
    """
    item = version.items[number]
    return PictureKey(item.hash, item.file)


def items_of_keys(version: DatasetVersion, keys: Sequence[PictureKey]) -> list[int | None]:
    """The item number of each picture in ``version``; None for one that is not in it.

    Of several copies the one with the key's file name is meant; where none has that name, only a
    picture without copies is found.
    """
    hashes = {key.hash for key in keys}
    named: dict[PictureKey, int] = {}
    copies: dict[str, list[int]] = {}
    for number, item in enumerate(version.items):
        if item.hash in hashes:
            named.setdefault(PictureKey(item.hash, item.file), number)
            copies.setdefault(item.hash, []).append(number)
    only = {digest: numbers[0] for digest, numbers in copies.items() if len(numbers) == 1}
    return [named.get(key, only.get(key.hash)) for key in keys]
