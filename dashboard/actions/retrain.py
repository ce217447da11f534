"""Retraining: a run's settings on the newest version of its pictures, and the comparison with
it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.queries.datasets import version_at
from dashboard.queries.results import Results
from dashboard.workers import engine
from ml.data.store.versions import DatasetVersion, latest
from ml.errors import MLError
from ml.metrics.classification import Interval, share_interval
from ml.metrics.design_effect import exchange_test
from ml.runs.folder import Run
from ml.workspace import Workspace


@dataclass(frozen=True)
class Pair:
    """Two runs on the pictures that both were tested on, judged by the labels of the later one.

    ``before`` and ``after`` count what each got right of ``pictures``, with the 95 % intervals of
    these shares; ``mended`` and ``broken`` are the places in the later results of what only the
    later, or only the earlier, got right, and ``p_value`` says how often chance alone makes such a
    difference. Groups of pictures are allowed for.
    """

    pictures: int
    before: int
    after: int
    mended: tuple[int, ...]
    broken: tuple[int, ...]
    interval_before: Interval
    interval_after: Interval
    p_value: float


def newest_version(workspace: Workspace, name: str) -> DatasetVersion | None:
    """The newest version of the set called ``name``; None where it is gone."""
    try:
        number = latest(workspace, name)
        return version_at(workspace, name, number) if number else None
    except (MLError, OSError):
        return None


def changed_since(run: Run, version: DatasetVersion) -> bool:
    """Whether ``version`` holds other pictures or labels than ``run`` learned from."""
    return bool(run.dataset.get("fingerprint") != version.fingerprint)


def retrain(workspace: Workspace, run: Run, version: DatasetVersion) -> Run:
    """A new run with the settings of ``run`` on the pictures of ``version``.

    Raises:
        BadInputError: the version cannot be trained on, as when a class has no picture left.
        WorkspaceError: the disk is full or cannot be written to.
    """
    return engine.start(workspace, run.config, version, parent=run.id)


def paired(before: Results, after: Results) -> Pair | None:
    """Both runs on what both were tested on; None where their classes are called otherwise, or no
    picture is in both. A picture that was tested twice by either is left out."""
    if set(before.classes) != set(after.classes):
        return None
    old_places, new_places = _once(before.hashes), _once(after.hashes)
    common = sorted(new_places[digest] for digest in old_places.keys() & new_places.keys())
    if not common:
        return None
    places = np.array(common)
    groups = None if after.groups is None else after.groups[places]
    truth = [after.classes[label] for label in after.labels[places]]
    old_guesses = before.guesses[[old_places[after.hashes[place]] for place in common]]
    was_right = np.array(
        [before.classes[n] == name for n, name in zip(old_guesses, truth, strict=True)]
    )
    is_right = after.guesses[places] == after.labels[places]
    return Pair(
        len(common),
        int(was_right.sum()),
        int(is_right.sum()),
        tuple(places[is_right & ~was_right].tolist()),
        tuple(places[was_right & ~is_right].tolist()),
        share_interval(was_right, groups),
        share_interval(is_right, groups),
        exchange_test(is_right.astype(np.int64) - was_right, groups),
    )


def _once(hashes: Sequence[str]) -> dict[str, int]:
    """The place of each hash that is there once."""
    places: dict[str, list[int]] = {}
    for place, digest in enumerate(hashes):
        places.setdefault(digest, []).append(place)
    return {digest: positions[0] for digest, positions in places.items() if len(positions) == 1}
