"""A version of a data set as the checks see it: what costs time is computed once, when asked for.

Arrays have one row for each item of the version, so that item numbers index them. ``items`` are
those that count: what is excluded is not examined.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.pixels.parallel import Progress
from ml.data.splits.splits import split_indices
from ml.data.store.versions import SPLITS, DatasetVersion
from ml.doctor import logistic_regression
from ml.doctor.finding import Finding, Fix
from ml.doctor.image_statistics import Looks, look_at
from ml.doctor.near_duplicates import clusters, near_twins
from ml.doctor.registry import kind_of
from ml.errors import BadInputError
from ml.workspace import Workspace

Indices = npt.NDArray[np.int64]

SPANS = {"looks": (0.0, 0.25), "twins": (0.25, 0.4), "features": (0.4, 0.95)}
"""Which part of the progress each stage is, about as long as they take, in the order in which the
checks ask for them."""


class Case:
    """One version that is being examined."""

    def __init__(
        self,
        workspace: Workspace,
        version: DatasetVersion,
        progress: Progress = lambda share: None,
    ) -> None:
        self.workspace, self.version, self.progress = workspace, version, progress
        self.labels: Indices = version.labels
        self.items: Indices = np.flatnonzero([not item.excluded for item in version.items])

    def stage(self, name: str) -> Progress:
        """Progress of one stage of ``SPANS``, 0 to 1, as progress of the whole."""
        start, end = SPANS[name]
        return lambda share: self.progress(start + (end - start) * share)

    @cached_property
    def looks(self) -> Looks:
        """What one look at each item told."""
        hashes = [item.hash for item in self.version.items]
        unique = list(dict.fromkeys(hashes))
        row_of = {digest: row for row, digest in enumerate(unique)}
        seen = look_at(self.workspace, unique, self.stage("looks"))
        return seen[[row_of[digest] for digest in hashes]]

    @cached_property
    def small(self) -> bool:
        """Whether these are small pictures, such as digits of 28 px, rather than photos."""
        sides = np.maximum(self.looks["width"], self.looks["height"])[self.items]
        return len(sides) == 0 or float(np.median(sides)) < logistic_regression.SMALL

    @cached_property
    def features(self) -> npt.NDArray[np.float32]:
        """What the bundled network sees in each item (items, 1280)."""
        from ml.doctor.features import features_of  # not every check asks for it

        return features_of(self.workspace, self.version, self.stage("features"))

    @cached_property
    def columns(self) -> npt.NDArray[np.float32]:
        """What a quick head is fitted on, one row for each item."""
        return logistic_regression.compress(
            self.features, self.looks["thumb"] if self.small else None
        )

    @cached_property
    def sides(self) -> Indices:
        """0 for an item that trains, 1 validates, 2 tests, -1 is in no split. An item left out
        since a later split has its picture is where its source put it."""
        sides = np.full(len(self.labels), -1, np.int64)
        try:
            found = split_indices(self.version, 0)
        except BadInputError:  # too few pictures to be split: nothing can be on two sides
            return sides
        for number, name in enumerate(SPLITS):
            sides[found[name]] = number
        for item in self.items[sides[self.items] < 0]:
            given = self.version.items[item].split
            sides[item] = SPLITS.index(given) if given else 0
        return sides

    @cached_property
    def copies(self) -> list[list[int]]:
        """Clusters of items that are the same to the last pixel."""
        found: dict[bytes, list[int]] = {}
        for item in self.items[self.looks["width"][self.items] > 0].tolist():
            found.setdefault(bytes(self.looks["same"][item]), []).append(item)
        return [cluster for cluster in found.values() if len(cluster) > 1]

    @cached_property
    def twins(self) -> list[list[int]]:
        """Clusters of items that are nearly the same picture, copies among them."""
        copies = {item: cluster for cluster in self.copies for item in cluster}
        single = [n for n in self.items.tolist() if copies.get(n, [n])[0] == n]
        alike = near_twins(self.looks[single], self.stage("twins"))
        near = [(single[first], single[second]) for first, second in alike.tolist()]
        chains = [pair for cluster in self.copies for pair in pairwise(cluster)]
        reached = {item for pair in near for item in pair}
        return [found for found in clusters([*near, *chains]) if reached & set(found)]

    @cached_property
    def units(self) -> Indices:
        """A number for what belongs together: copies and twins of a picture, and its group."""
        names = [item.group for item in self.version.items]
        leaders: dict[str, int] = {}
        pairs = [
            (leaders.setdefault(name, item), item)
            for item, name in enumerate(names)
            if name is not None
        ]
        for cluster in (*self.copies, *self.twins):
            pairs += [(cluster[0], item) for item in cluster]
        units = np.arange(len(names), dtype=np.int64)
        for cluster in clusters(pairs):
            units[cluster] = cluster[0]
        return units

    @cached_property
    def opinions(self) -> npt.NDArray[np.float64]:
        """How probable each label is for each item to those who have not seen it nor its unit:
        (items, classes), 0 for what does not count."""
        found = np.zeros((len(self.labels), len(self.version.classes)))
        some = self.items
        found[some] = logistic_regression.out_of_fold(
            self.columns[some], self.labels[some], self.units[some], found.shape[1]
        )
        return found

    def accuracy_of(self, units: Indices) -> float:
        """The accuracy of a quick head over five folds that keep ``units`` (one an item) whole."""
        some = self.items
        classes = len(self.version.classes)
        found = logistic_regression.out_of_fold(
            self.columns[some], self.labels[some], units[some], classes
        )
        return float((found.argmax(1) == self.labels[some]).mean())

    def split_by_side(self, items: Iterable[int]) -> tuple[list[int], list[int]]:
        """Of one picture's items those to keep, on the latest side that has it, and the others."""
        chosen = list(items)
        latest = max(self.sides[item] for item in chosen)
        keep = [item for item in chosen if self.sides[item] == latest]
        return keep, [item for item in chosen if item not in keep]

    def finding(
        self,
        *,
        kind: str,
        severity: str,
        title: str,
        why: str,
        advice: str = "",
        items: Sequence[int] | Indices = (),
        about: str = "",
        groups: Sequence[Sequence[int]] = (),
        labels: dict[int, str] | None = None,
        scores: dict[int, float] | None = None,
        fixes: Sequence[Fix] = (),
    ) -> Finding:
        """A finding with its key, which is made of the hashes of its pictures, or of ``about``.

        ``advice`` is what the kind advises unless it is given.

        Raises:
            ValueError: ``severity`` is none.
        """
        chosen = sorted({int(item) for item in items})
        identity = about or " ".join(sorted(self.version.items[item].hash for item in chosen))
        return Finding(
            key=f"{kind}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}",
            kind=kind,
            severity=severity,
            title=title,
            why=why,
            advice=advice or kind_of(kind).advice,
            items=chosen,
            groups=groups,
            labels=labels or {},
            scores=scores or {},
            fixes=fixes,
        )


def exclude(label: str, items: Iterable[Any]) -> Fix:
    """A button that excludes ``items``."""
    return Fix(label, [{"do": "exclude", "items": sorted(int(item) for item in items)}])
