"""The context of a check: one version of a data set, with lazily computed, cached statistics.

Arrays have one row for each item of the version, so that item numbers index them. ``items`` holds
the numbers of the items that are not excluded; checks look at no others.
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
from ml.doctor.image_statistics import ImageStatistics, compute_statistics
from ml.doctor.near_duplicates import connected_components, find_near_duplicates
from ml.doctor.registry import kind_of
from ml.errors import BadInputError
from ml.text.format import count
from ml.workspace import Workspace

Indices = npt.NDArray[np.int64]

SPANS = {"statistics": (0.0, 0.25), "near_duplicates": (0.25, 0.4), "features": (0.4, 0.95)}
"""Start and end of each stage in the whole progress, 0 to 1, by how long the stages take. They
stand in the order in which the checks ask for them."""


PICTURE_EDITS = ("exclude", "relabel", "delete")
"""Edits of single pictures; a fix does these to training and validation pictures alone."""


class CheckContext:
    """One version that is being examined, and what the checks compute of it."""

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
    def statistics(self) -> ImageStatistics:
        """The image statistics, ``STATISTICS_DTYPE`` (items,)."""
        hashes = [item.hash for item in self.version.items]
        unique_hashes = list(dict.fromkeys(hashes))
        row_of = {digest: row for row, digest in enumerate(unique_hashes)}
        rows = compute_statistics(self.workspace, unique_hashes, self.stage("statistics"))
        return rows[[row_of[digest] for digest in hashes]]

    @cached_property
    def has_small_pictures(self) -> bool:
        """Whether the median picture is too small for a photo, such as a digit of 28 px."""
        longer_sides = np.maximum(self.statistics["width"], self.statistics["height"])[self.items]
        return (
            len(longer_sides) == 0
            or float(np.median(longer_sides)) < logistic_regression.MIN_PHOTO_SIDE
        )

    @cached_property
    def features(self) -> npt.NDArray[np.float32]:
        """Features of the bundled network, float32 (items, 1280)."""
        from ml.doctor.features import features_of  # not every check asks for it

        return features_of(self.workspace, self.version, self.stage("features"))

    @cached_property
    def classifier_inputs(self) -> npt.NDArray[np.float32]:
        """Principal components that the logistic regression is fitted on, (items, at most 256)."""
        return logistic_regression.classifier_inputs(
            self.features, self.statistics["thumb"] if self.has_small_pictures else None
        )

    @cached_property
    def split_numbers(self) -> Indices:
        """The split of each item: 0 training, 1 validation, 2 test, -1 none; int64 (items,).

        An item that is left out because its picture is in a later split has the split that its
        source gave it.
        """
        split_numbers = np.full(len(self.labels), -1, np.int64)
        try:
            indices = split_indices(self.version, 0)
        except BadInputError:  # too few pictures to be split: nothing can cross a split
            return split_numbers
        for number, name in enumerate(SPLITS):
            split_numbers[indices[name]] = number
        for item in self.items[split_numbers[self.items] < 0]:
            given = self.version.items[item].split
            split_numbers[item] = SPLITS.index(given) if given else 0
        return split_numbers

    @cached_property
    def exact_duplicates(self) -> list[list[int]]:
        """Clusters of items whose decoded pixels are equal."""
        clusters_by_pixels: dict[bytes, list[int]] = {}
        for item in self.items[self.statistics["width"][self.items] > 0].tolist():
            clusters_by_pixels.setdefault(bytes(self.statistics["same"][item]), []).append(item)
        return [cluster for cluster in clusters_by_pixels.values() if len(cluster) > 1]

    @cached_property
    def near_duplicates(self) -> list[list[int]]:
        """Clusters of items with nearly the same picture, their exact duplicates included."""
        near_pairs = list(self._near_pairs)
        exact_pairs = [pair for cluster in self.exact_duplicates for pair in pairwise(cluster)]
        paired = {item for pair in near_pairs for item in pair}
        return [
            cluster
            for cluster in connected_components([*near_pairs, *exact_pairs])
            if paired & set(cluster)
        ]

    @cached_property
    def _near_pairs(self) -> dict[tuple[int, int], bool]:
        """Pairs of near duplicates, and whether each is confirmed; of copies the first alone."""
        exact_duplicates = {item: cluster for cluster in self.exact_duplicates for item in cluster}
        single = [n for n in self.items.tolist() if exact_duplicates.get(n, [n])[0] == n]
        near = find_near_duplicates(
            self.workspace, self.statistics[single], self.stage("near_duplicates")
        )
        return {
            (single[first], single[second]): confirmed
            for (first, second), confirmed in zip(
                near.pairs.tolist(), near.confirmed.tolist(), strict=True
            )
        }

    @cached_property
    def _unconfirmed_items(self) -> set[int]:
        return {
            item for pair, confirmed in self._near_pairs.items() if not confirmed for item in pair
        }

    def is_confirmed(self, cluster: Iterable[int]) -> bool:
        """Whether all near duplicates in a cluster are far more alike than strangers are."""
        return self._unconfirmed_items.isdisjoint(cluster)

    @cached_property
    def group_ids(self) -> Indices:
        """A number a group, int64 (items,): items of one group, and duplicates, share theirs."""
        names = [item.group for item in self.version.items]
        leaders: dict[str, int] = {}
        pairs = [
            (leaders.setdefault(name, item), item)
            for item, name in enumerate(names)
            if name is not None
        ]
        for cluster in (*self.exact_duplicates, *self.near_duplicates):
            pairs += [(cluster[0], item) for item in cluster]
        group_ids = np.arange(len(names), dtype=np.int64)
        for cluster in connected_components(pairs):
            group_ids[cluster] = cluster[0]
        return group_ids

    @cached_property
    def label_probabilities(self) -> npt.NDArray[np.float64]:
        """Out-of-fold probability of each class, (items, classes); 0 for excluded items.

        Each row is by a model that was fitted without the item and its group.
        """
        probabilities = np.zeros((len(self.labels), len(self.version.classes)))
        items = self.items
        probabilities[items] = logistic_regression.out_of_fold(
            self.classifier_inputs[items],
            self.labels[items],
            self.group_ids[items],
            probabilities.shape[1],
        )
        return probabilities

    def cross_validated_accuracy(self, group_ids: Indices) -> float:
        """Accuracy of the logistic regression, 0 to 1, over five folds that split no group.

        Args:
            group_ids: int64 (items,).
        """
        items = self.items
        classes = len(self.version.classes)
        probabilities = logistic_regression.out_of_fold(
            self.classifier_inputs[items], self.labels[items], group_ids[items], classes
        )
        return float((probabilities.argmax(1) == self.labels[items]).mean())

    def keep_in_latest_split(self, items: Iterable[int]) -> tuple[list[int], list[int]]:
        """Part duplicates into those in the last of their splits, to keep, and the others."""
        chosen = list(items)
        last_split = max(self.split_numbers[item] for item in chosen)
        keep = [item for item in chosen if self.split_numbers[item] == last_split]
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

        ``advice`` is what the kind advises unless it is given. Fixes reach no test picture: what
        they would change there is left to a person, one by one, and the advice says so.

        Raises:
            ValueError: ``severity`` is none.
        """
        chosen = sorted({int(item) for item in items})
        outside = [self._outside_test(fix) for fix in fixes]
        left = {item for fix in fixes for item in _picture_items(fix)} - {
            item for fix in outside for item in _picture_items(fix)
        }
        advice = (advice or kind_of(kind).advice) + _left_to_a_person(len(left))
        identity = about or " ".join(sorted(self.version.items[item].hash for item in chosen))
        return Finding(
            key=f"{kind}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}",
            kind=kind,
            severity=severity,
            title=title,
            why=why,
            advice=advice,
            items=chosen,
            groups=groups,
            labels=labels or {},
            scores=scores or {},
            fixes=[fix for fix in outside if fix.edits],
        )

    def is_tested(self, item: int) -> bool:
        """Whether an item is in the test set."""
        return bool(self.split_numbers[item] == SPLITS.index("test"))

    def _outside_test(self, fix: Fix) -> Fix:
        """The fix without what it does to test pictures: a bulk change there moves the score."""
        edits = [
            {**edit, "items": [n for n in edit["items"] if not self.is_tested(n)]}
            if edit["do"] in PICTURE_EDITS
            else edit
            for edit in fix.edits
        ]
        return Fix(fix.label, [edit for edit in edits if edit.get("items") != []])


def _picture_items(fix: Fix) -> set[int]:
    return {n for edit in fix.edits if edit["do"] in PICTURE_EDITS for n in edit["items"]}


def _left_to_a_person(tested: int) -> str:
    if not tested:
        return ""
    stays = "is left as it is" if tested == 1 else "are left as they are"
    return (
        f" {count(tested, 'test picture')} {stays}: a test that is changed in bulk flatters the "
        "score. Look at each and change it by itself."
    )


def exclude(label: str, items: Iterable[Any]) -> Fix:
    """A button that excludes ``items``."""
    return Fix(label, [{"do": "exclude", "items": sorted(int(item) for item in items)}])
