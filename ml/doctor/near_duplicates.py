"""Pictures that are nearly one: searched for with perceptual hashes, confirmed on thumbnails.

The hash of a picture is its thumbnail at 16 by 16, brought to mean 0 and length 1: a product of two
hashes is their correlation, and all of them against all is a matrix product, done in blocks. Each
picture is also looked for as its mirror image and without its edges, as a crop of it would be. A
hash of 64 bits (DCT or differences) was tried first: one picture in a hundred that was cropped by
5 % was beyond the ten nearest in Hamming distance, and before one background thousands of
different pictures were within 10 bits.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.doctor.image_alignment import compare
from ml.doctor.image_statistics import SIDE, Looks

HASH_SIDE = 16
KEPT = 0.95
"""What a crop that is looked for keeps of each side."""
NEAREST = 6
"""So many candidates a picture are compared closely."""
LEAST = 0.6
"""Candidates correlate at least so much as hashes. Twins by crop reach 0.65 in the worst case."""
BLOCK = 512
LEAST_CONTRAST = 3.0
"""What has less has nothing to be compared by."""
MOST_COLOUR = 20.0
"""Means of red, green and blue further apart than this are two pictures, such as two lids."""

Hashes = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]


def near_twins(looks: Looks, progress: Callable[[float], None] = lambda share: None) -> Pairs:
    """Pairs of rows of ``looks`` that are one picture to the eye: int64 (pairs, 2), first < second.

    Rows that are equal to the bit are not compared: give each picture once.
    """
    thumbs = looks["thumb"]
    pairs, mirrored = _candidates(looks, lambda share: progress(share / 2))
    colour = np.stack([looks[name] for name in ("red", "green", "blue")], 1)
    apart = np.abs(colour[pairs[:, 0]] - colour[pairs[:, 1]]).max(1, initial=0)
    pairs, mirrored = pairs[apart <= MOST_COLOUR], mirrored[apart <= MOST_COLOUR]
    same = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), BLOCK):
        progress(0.5 + start / len(pairs) / 2)
        chosen = slice(start, start + BLOCK)
        first, second = thumbs[pairs[chosen, 0]], thumbs[pairs[chosen, 1]]
        turned = mirrored[chosen]
        first[turned] = first[turned][:, :, ::-1]
        same[chosen] = compare(first, second).same
    return np.unique(pairs[same], axis=0).reshape(-1, 2)


def clusters(pairs: Sequence[Sequence[int]] | Pairs) -> list[list[int]]:
    """What is connected by ``pairs``, each cluster sorted, in the order of their first member."""
    parent: dict[int, int] = {}

    def root(member: int) -> int:
        while parent.setdefault(member, member) != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for first, second in np.asarray(pairs, np.int64).reshape(-1, 2).tolist():
        parent[root(first)] = root(second)
    found: dict[int, list[int]] = {}
    for member in sorted(parent):
        found.setdefault(root(member), []).append(member)
    return list(found.values())


def hashes_of(thumbs: npt.NDArray[np.uint8]) -> Hashes:
    """Hashes (N, 256) of thumbnails (N, S, S)."""
    step = SIDE // HASH_SIDE
    cells = thumbs.reshape(len(thumbs), HASH_SIDE, step, HASH_SIDE, step).mean((2, 4))
    flat: Hashes = cells.reshape(len(thumbs), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6
    return flat


def _candidates(
    looks: Looks, progress: Callable[[float], None]
) -> tuple[Pairs, npt.NDArray[np.bool_]]:
    """Pairs that may be twins, and whether the first is to be mirrored."""
    rows = np.flatnonzero((looks["width"] > 0) & (looks["contrast"] >= LEAST_CONTRAST))
    thumbs = looks["thumb"]
    known = np.concatenate(
        [np.empty((0, HASH_SIDE**2), np.float32)]
        + [hashes_of(thumbs[rows[at : at + 4096]]) for at in range(0, len(rows), 4096)]
    )
    pairs, turned = [np.empty((0, 2), np.int64)], [np.empty(0, bool)]
    nearest = min(NEAREST, len(rows) - 1)
    for start in range(0, len(rows) if nearest > 0 else 0, BLOCK):
        progress(start / len(rows))
        block = thumbs[rows[start : start + BLOCK]]
        inner = np.stack([_inner(thumb) for thumb in block])
        whole = np.maximum(hashes_of(block) @ known.T, hashes_of(inner) @ known.T)
        mirror = np.maximum(
            hashes_of(block[:, :, ::-1]) @ known.T, hashes_of(inner[:, :, ::-1]) @ known.T
        )
        alike = np.maximum(whole, mirror)
        mine = np.arange(len(block))
        alike[mine, start + mine] = -1  # a picture is not its own twin
        near = np.argpartition(alike, -nearest, axis=1)[:, -nearest:]
        this, that = np.repeat(mine, nearest), near.ravel()
        fine = alike[this, that] >= LEAST
        this, that = this[fine], that[fine]
        pairs.append(np.stack([rows[start + this], rows[that]], 1))
        turned.append(mirror[this, that] > whole[this, that])
    found, flags = np.sort(np.concatenate(pairs), axis=1), np.concatenate(turned)
    # A pair may have been found from both sides, and be like itself in either way.
    _, first = np.unique(np.column_stack([found, flags]), axis=0, return_index=True)
    return found[first], flags[first]


def _inner(thumb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle of a thumbnail, as large as a crop of the picture would be."""
    edge = SIDE * (1 - KEPT) / 2
    box = (edge, edge, SIDE - edge, SIDE - edge)
    inner = Image.fromarray(thumb).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return np.asarray(inner)
