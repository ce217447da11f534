"""Near-duplicate detection: candidates by perceptual hash, screened on aligned thumbnails, then
confirmed on larger pixels against the nearest different pictures (``ml.doctor.confirmation``).
Pictures of one part before one camera are candidates by ``ml.doctor.registration`` too.

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

from ml.doctor.confirmation import NearPairs, confirm, far_below_strangers
from ml.doctor.image_alignment import align, relative_residuals
from ml.doctor.image_statistics import THUMBNAIL_SIDE, ImageStatistics
from ml.doctor.registration import registered_candidates
from ml.workspace import Workspace

HASH_SIDE = 16
CROP_KEPT_SHARE = 0.95
"""The share of each side that a crop keeps which is searched for."""
CANDIDATES_PER_PICTURE = 6
"""The nearest in hash, which are then aligned and compared."""
MIN_HASH_CORRELATION = 0.6
"""Of the hashes of candidates. Near duplicates by crop reach 0.65 in the worst case."""
BLOCK = 512
MIN_CONTRAST = 3.0
"""Grey levels (standard deviation). A picture with less has nothing to be compared by."""
MAX_THUMBNAIL_RESIDUAL = 0.4
"""Relative residual of aligned thumbnails, above which a pair is not looked at in larger pixels."""
MAX_THUMBNAIL_RATIO = 0.9
"""Of that residual to the one of strangers: loose, for it only decides what is looked at again."""

Hashes = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]


def find_near_duplicates(
    workspace: Workspace,
    statistics: ImageStatistics,
    progress: Callable[[float], None] = lambda share: None,
) -> NearPairs:
    """Pairs of rows that show one picture, first < second.

    Resized, encoded again, cropped a little, mirrored, lighter, darker or of other contrast. Rows
    that are equal to the bit are not compared: give each picture once.
    """
    pairs, mirrored, registered = _with_registered(
        statistics, *_candidates(statistics, lambda share: progress(0.2 * share))
    )
    residuals = np.ones(len(pairs), np.float32)
    for start in range(0, len(pairs), BLOCK):
        progress(0.2 + 0.5 * start / len(pairs))
        block = slice(start, start + BLOCK)
        first, second = (statistics["thumb"][pairs[block, side]] for side in (0, 1))
        flipped = mirrored[block]
        first[flipped] = first[flipped][:, :, ::-1]
        residuals[block] = _thumbnail_residuals(first, second)
    screened = (residuals <= MAX_THUMBNAIL_RESIDUAL) & (
        registered | far_below_strangers(pairs, residuals, MAX_THUMBNAIL_RATIO)
    )
    return confirm(
        workspace,
        statistics["hash"].astype(str).tolist(),
        pairs,
        mirrored,
        residuals,
        screened,
        lambda share: progress(0.7 + 0.3 * share),
    )


def _with_registered(
    statistics: ImageStatistics, pairs: Pairs, mirrored: Masks
) -> tuple[Pairs, Masks, Masks]:
    """The candidates by hash and by registration, and which are the latter, (pairs,)."""
    rows = _comparable(statistics)
    added = rows[registered_candidates(statistics["thumb"][rows])].reshape(-1, 2)
    by_registration = set(map(tuple, added.tolist()))
    by_hash = np.array([tuple(pair) not in by_registration for pair in pairs.tolist()], bool)
    by_hash |= mirrored
    upright = np.zeros(len(added), bool)
    return (
        np.concatenate([pairs[by_hash], added]),
        np.concatenate([mirrored[by_hash], upright]),
        np.concatenate([np.zeros(int(by_hash.sum()), bool), ~upright]),
    )


def _comparable(statistics: ImageStatistics) -> Pairs:
    """The rows that are pictures with something on them."""
    return np.flatnonzero((statistics["width"] > 0) & (statistics["contrast"] >= MIN_CONTRAST))


def _thumbnail_residuals(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Relative residuals of aligned thumbnails, (pairs,); those far apart by correlation alone."""
    alignment = align(first, second)
    residuals = np.sqrt(np.clip(1 - alignment.correlation**2, 0, 1)).astype(np.float32)
    close = residuals <= MAX_THUMBNAIL_RESIDUAL
    if close.any():
        residuals[close] = relative_residuals(
            first[close][:, None], second[close][:, None], alignment.transforms[close]
        )
    return residuals


def connected_components(pairs: Sequence[Sequence[int]] | Pairs) -> list[list[int]]:
    """The connected components of a graph with these edges, each sorted, by their first member."""
    parent: dict[int, int] = {}

    def root(member: int) -> int:
        while parent.setdefault(member, member) != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for first, second in np.asarray(pairs, np.int64).reshape(-1, 2).tolist():
        parent[root(first)] = root(second)
    components: dict[int, list[int]] = {}
    for member in sorted(parent):
        components.setdefault(root(member), []).append(member)
    return list(components.values())


def perceptual_hashes(thumbs: npt.NDArray[np.uint8]) -> Hashes:
    """Perceptual hashes, float32 (N, 256), of thumbnails, uint8 (N, 64, 64)."""
    step = THUMBNAIL_SIDE // HASH_SIDE
    cells = thumbs.reshape(len(thumbs), HASH_SIDE, step, HASH_SIDE, step).mean((2, 4))
    flat: Hashes = cells.reshape(len(thumbs), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6
    return flat


def _candidates(
    statistics: ImageStatistics, progress: Callable[[float], None]
) -> tuple[Pairs, npt.NDArray[np.bool_]]:
    """Pairs that may be near duplicates, and whether the first is to be mirrored."""
    rows = _comparable(statistics)
    thumbs = statistics["thumb"]
    hashes = np.concatenate(
        [np.empty((0, HASH_SIDE**2), np.float32)]
        + [perceptual_hashes(thumbs[rows[at : at + 4096]]) for at in range(0, len(rows), 4096)]
    )
    pairs, mirrored_parts = [np.empty((0, 2), np.int64)], [np.empty(0, bool)]
    nearest = min(CANDIDATES_PER_PICTURE, len(rows) - 1)
    for start in range(0, len(rows) if nearest > 0 else 0, BLOCK):
        progress(start / len(rows))
        block = thumbs[rows[start : start + BLOCK]]
        inner = np.stack([_centre_crop(thumb) for thumb in block])
        upright = np.maximum(
            perceptual_hashes(block) @ hashes.T, perceptual_hashes(inner) @ hashes.T
        )
        mirror = np.maximum(
            perceptual_hashes(block[:, :, ::-1]) @ hashes.T,
            perceptual_hashes(inner[:, :, ::-1]) @ hashes.T,
        )
        alike = np.maximum(upright, mirror)
        own = np.arange(len(block))
        alike[own, start + own] = -1  # a picture is no duplicate of itself
        neighbours = np.argpartition(alike, -nearest, axis=1)[:, -nearest:]
        first, second = np.repeat(own, nearest), neighbours.ravel()
        close = alike[first, second] >= MIN_HASH_CORRELATION
        first, second = first[close], second[close]
        pairs.append(np.stack([rows[start + first], rows[second]], 1))
        mirrored_parts.append(mirror[first, second] > upright[first, second])
    all_pairs, all_mirrored = np.sort(np.concatenate(pairs), axis=1), np.concatenate(mirrored_parts)
    # A pair may have been found from both sides, and be like itself in either way.
    _, unique = np.unique(np.column_stack([all_pairs, all_mirrored]), axis=0, return_index=True)
    return all_pairs[unique], all_mirrored[unique]


def _centre_crop(thumb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle of a thumbnail, as large as a crop of the picture would be."""
    edge = THUMBNAIL_SIDE * (1 - CROP_KEPT_SHARE) / 2
    box = (edge, edge, THUMBNAIL_SIDE - edge, THUMBNAIL_SIDE - edge)
    crop = Image.fromarray(thumb).resize(
        (THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BILINEAR, box=box
    )
    return np.asarray(crop)
