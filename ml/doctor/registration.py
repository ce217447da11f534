"""Registration: candidates among pictures of one part, by what each shows that the others do not.

Before one camera all pictures correlate by 0.99, whatever they show, and a crop is nearer to
strangers that lie as it does than to its picture. So each thumbnail is laid over the median of the
set, what they have in common is taken away, and what is left is correlated.
"""

import numpy as np
import numpy.typing as npt

from ml.doctor.image_alignment import Alignment, align, blur, move

MIN_TEMPLATE_CORRELATION = 0.85
"""Of a thumbnail with the median of the set, once it is laid over it."""
MIN_ALIKE_SHARE = 0.5
"""Of the set. With less there is no one part that it shows."""
MAX_COMMON_COMPONENTS, PICTURES_PER_COMPONENT = 20, 15
"""Principal components that count as common to all: light, place and turn of the part."""
MIN_OWN_CORRELATION = 0.45
"""Of what is left of two pictures. That of strangers is 0.1 to 0.3, of copies 0.5 and more."""
MIN_PICTURES = 10
EDGE = 4
"""Pixels that are left out at each side: a crop may not have them."""
BLOCK = 512

Thumbnails = npt.NDArray[np.uint8]
Pairs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def registered_candidates(thumbs: Thumbnails) -> Pairs:
    """Pairs of rows of ``thumbs`` (N, S, S) that may be copies; none where the set is mixed.

    Returns:
        int64 (pairs, 2), first < second: each picture with the one that it is most alike.
    """
    none = np.empty((0, 2), np.int64)
    if len(thumbs) < MIN_PICTURES:
        return none
    template = np.median(thumbs[:: max(1, len(thumbs) // BLOCK)], 0).astype(np.float32)
    parts = [_laid_over(template, thumbs[at : at + BLOCK]) for at in range(0, len(thumbs), BLOCK)]
    correlation = np.concatenate([alignment.correlation for _, alignment in parts])
    rows = np.flatnonzero(correlation >= MIN_TEMPLATE_CORRELATION)
    if len(rows) < max(MIN_PICTURES, MIN_ALIKE_SHARE * len(thumbs)):
        return none
    own = _without_common(np.concatenate([part[0] for part in parts])[rows])
    pairs = []
    for start in range(0, len(rows), BLOCK):
        alike = own[start : start + BLOCK] @ own.T
        places = np.arange(len(alike))
        alike[places, start + places] = -1
        nearest = alike.argmax(1)
        close = alike[places, nearest] >= MIN_OWN_CORRELATION
        pairs.append(np.stack([rows[start + places], rows[nearest]], 1)[close])
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _laid_over(template: Floats, thumbs: Thumbnails) -> tuple[Floats, Alignment]:
    """The inner pixels (N, F) of thumbnails moved to where the template has them."""
    templates = np.broadcast_to(template, thumbs.shape)
    alignment = align(thumbs, templates)
    moved = move(thumbs.astype(np.float32), alignment.transforms)[0]
    inner = blur(moved[:, EDGE:-EDGE, EDGE:-EDGE])
    size = inner.shape[1] // 2
    halved = inner.reshape(len(inner), size, 2, size, 2).mean((2, 4))
    return halved.reshape(len(inner), -1), alignment


def _without_common(pixels: Floats) -> Floats:
    """Rows (N, F) of length 1 without gain, offset and the first principal components."""
    left = pixels - pixels.mean(1, keepdims=True)
    common = np.median(left, 0)
    left -= np.outer(left @ common / max(float(common @ common), 1e-6), common)
    left -= left.mean(0)
    components = min(MAX_COMMON_COMPONENTS, len(left) // PICTURES_PER_COMPONENT)
    _, axes = np.linalg.eigh(left.T @ left)
    first = axes[:, ::-1][:, :components]
    left -= left @ first @ first.T
    own: Floats = (left / (np.linalg.norm(left, axis=1, keepdims=True) + 1e-6)).astype(np.float32)
    return own
