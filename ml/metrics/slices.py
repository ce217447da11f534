"""Kinds of pictures on which a classifier does worse than on the rest, and whether that is chance.

Pure functions of arrays, with numpy alone. A *slice* is a group of test pictures that have
something in common: the darkest quarter, the pictures of one class, of one folder. Whoever looks at
many finds a bad one by chance. So each is tested by Fisher's exact test (1935), one-sided: how
often would as many mistakes fall into it, if they fell on pictures blindly? And the p-values are
adjusted by Holm (1979, "A simple sequentially rejective multiple test procedure"), so that the
chance of even one false alarm among all slices is at most ``LEVEL``. Holm's holds however slices
overlap, and these do (a dark picture may be in a dark folder); the procedure of Benjamini and
Hochberg would let a share of what is reported be false, and asks more of how slices hang together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.metrics.classification import Floats, Interval, Ints, share_interval
from ml.metrics.design_effect import variance_inflation

LEVEL = 0.05
"""The chance that may be taken of calling any slice worse where none is."""
MIN_PICTURES_IN_SLICE = 10
"""Slices of fewer pictures, or with fewer outside, are not tried."""
PARTS = 4
"""A measured quantity is cut into so many slices of about as many pictures."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """A group of pictures: ``inside`` (n,) says which. ``kind`` is what it is a group by, ``word``
    what its pictures are among all, such as the darkest."""

    kind: str
    name: str
    inside: Flags
    word: str = ""


@dataclass(frozen=True)
class Slice:
    """A group that was tried. ``accuracy`` has its 95 % interval by Wilson, ``rest`` is that of all
    other pictures; ``p`` is Fisher's, ``adjusted`` by how many were tried."""

    group: Group
    pictures: int
    accuracy: float
    interval: Interval
    rest: float
    p: float
    adjusted: float

    @property
    def worse(self) -> bool:
        """Whether it does worse than the rest, beyond what chance explains."""
        return self.adjusted < LEVEL


def find(right: Flags, groups: Sequence[Group], clusters: Ints | None = None) -> list[Slice]:
    """All slices that can be tried, the least likely by chance first.

    Groups of the same pictures are tried once, under the name that comes first.

    Args:
        right: (n,) whether each picture was recognised.
        clusters: (n,) the number of each picture's split group (``ml.data.splits.groups``), whose
            pictures err together; None where each is its own.
    """
    tried: dict[bytes, Group] = {}
    for group in groups:
        number = int(group.inside.sum())
        if MIN_PICTURES_IN_SLICE <= number <= len(right) - MIN_PICTURES_IN_SLICE:
            tried.setdefault(np.packbits(group.inside).tobytes(), group)
    distinct, wrong = list(tried.values()), int(np.sum(~right))
    chances = np.array(
        [
            chance(
                int((~right & one.inside).sum()),
                int(one.inside.sum()),
                wrong,
                len(right),
                difference_inflation(right, one.inside, clusters),
            )
            for one in distinct
        ]
    )
    result = []
    for group, p, adjusted in zip(distinct, chances, holm(chances), strict=True):
        inside = group.inside
        number, share = int(inside.sum()), float(right[inside].mean())
        result.append(
            Slice(
                group,
                number,
                share,
                share_interval(right, clusters, inside),
                float(right[~inside].mean()),
                float(p),
                float(adjusted),
            )
        )
    return sorted(result, key=lambda one: (one.p, one.accuracy))


def difference_inflation(right: Flags, inside: Flags, clusters: Ints | None) -> float:
    """The inflation (``ml.metrics.design_effect``) of the variance of the difference between a
    slice and the rest, if they do alike: of the score of each picture."""
    if clusters is None:
        return 1.0
    mistakes = (~right).astype(float)
    score = (inside - inside.mean()) * (mistakes - mistakes.mean())
    events = float(min(mistakes.sum(), len(right) - mistakes.sum()))
    return variance_inflation(
        score, clusters, events=events, weights=np.abs(inside - inside.mean()), is_score=True
    )


def chance(
    mistakes: int,
    pictures: int,
    all_mistakes: int,
    all_pictures: int,
    inflation: float = 1.0,
) -> float:
    """Fisher's exact test, one-sided: how often ``pictures`` drawn blindly of ``all_pictures`` hold
    ``mistakes`` or more of the ``all_mistakes``.

    Where pictures come in groups, all counts are divided by ``inflation`` first (Rao and Scott
    1992, "A simple method for the analysis of clustered binary data"); they need not be whole then.

    >>> round(chance(3, 3, 3, 6), 4), chance(0, 3, 3, 6)
    (0.05, 1.0)
    """
    if np.isinf(inflation):
        return 1.0
    in_slice, wrong = pictures / inflation, all_mistakes / inflation
    total, wrong_in_slice = all_pictures / inflation, mistakes / inflation
    if wrong_in_slice <= max(0.0, in_slice + wrong - total):
        return 1.0
    possible = np.arange(wrong_in_slice, min(in_slice, wrong) + 1e-9)
    logs = partial(_log_factorial, inflation, all_pictures)

    def log_binomial(total: float, part: Any) -> Any:
        """The logarithm of how many ways there are to choose ``part`` of ``total``."""
        return logs(total) - logs(part) - logs(total - part)

    drawn = log_binomial(wrong, possible) + log_binomial(total - wrong, in_slice - possible)
    return float(min(1.0, np.exp(drawn - log_binomial(total, in_slice)).sum()))


def _log_factorial(inflation: float, limit: int, numbers: Any) -> Any:
    """The logarithm of the factorial; of numbers that are not whole by the gamma function."""
    if inflation == 1:
        return _log_factorials(limit)[np.rint(numbers).astype(int)]
    from scipy.special import gammaln  # type: ignore[import-untyped]

    return gammaln(np.maximum(0, numbers) + 1)


@lru_cache(maxsize=4)
def _log_factorials(limit: int) -> Floats:
    return np.append(0.0, np.cumsum(np.log(np.arange(1, limit + 1))))


def holm(chances: Floats) -> Floats:
    """P-values adjusted for how many they are, in their order (Holm 1979)."""
    order = np.argsort(chances, kind="stable")
    grown = chances[order] * np.arange(len(chances), 0, -1)
    adjusted = np.empty(len(chances))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(grown))
    return adjusted


def parts(
    kind: str,
    values: Floats,
    words: tuple[str, str],
    say: Callable[[float], str],
) -> list[Group]:
    """Slices of a measured quantity, each of about a quarter of the pictures.

    None where all have about the same. Pictures of the same value are in the same slice.

    Args:
        values: (n,); a picture without one (not a number) is in no slice.
        words: what the pictures with the least and with the most are called, such as the darkest.
        say: a value with its unit.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return []
    edges = np.quantile(values[finite], [n / PARTS for n in range(1, PARTS)])
    part_of = np.where(finite, np.searchsorted(edges, values), -1)
    filled = [n for n in range(PARTS) if (part_of == n).any()]
    if len(filled) < 2:
        return []
    result = []
    for n in filled:
        low = say(float(edges[n - 1])) if n != filled[0] else ""
        high = say(float(edges[n])) if n != filled[-1] else ""
        span = f"{low} to {high}" if low and high else (f"over {low}" if low else f"up to {high}")
        word = {filled[0]: words[0], filled[-1]: words[1]}.get(n, "")
        result.append(Group(kind, span, part_of == n, word))
    return result


def same(kind: str, names: Sequence[str | None]) -> list[Group]:
    """A slice for each name that several pictures have, in the order of the names; a picture whose
    name is None is in none."""
    array = np.array([name or "" for name in names], dtype=object)
    named = np.array([name is not None for name in names], dtype=bool)
    return [Group(kind, name, named & (array == name)) for name in sorted(set(array[named]))]
