"""Holdout reuse: how many models were scored on the same test pictures, and what choosing among
them by that score does to an interval.

Whoever keeps the best of many test scores keeps its luck too: the interval of one test then holds
the truth less often than it states. One that may miss it with the chance ``0.05 / models`` holds
for all of them at once, so also for whichever is kept (Bonferroni). That counts on models that
would have been made whatever the scores. Where each is made from the one kept before, keeping or
not after a look at the score, ``2 ** (models - 1)`` models may come of it, and the interval has to
hold for all of these (description length: Dwork and others 2015, "Generalization in adaptive data
analysis and holdout reuse", https://arxiv.org/abs/1506.02629; see also Blum and Hardt 2015, "The
Ladder", https://arxiv.org/abs/1502.04585). Under ``MANY_MODELS`` the first covers that case, too;
``benchmarks/holdout_reuse.py`` counts how often. Light: numpy alone.
"""

import zipfile
from typing import Any

import numpy as np

from ml.evaluation.results import Results
from ml.metrics.classification import Interval, share_interval
from ml.metrics.design_effect import ALPHA
from ml.metrics.predictions import FILE
from ml.runs.folder import Run, list_runs
from ml.runs.trash import trashed
from ml.workspace import Workspace

SAME_TEST = 0.5
"""Two tests are taken for one where at least this share of the pictures is in both."""
MANY_MODELS = 10
"""From so many models on the scores themselves may have steered them, and a fresh test is due."""
MAX_COUNTED = 1000
"""More models make no difference: chances smaller than 2 to this power are no floats."""


def tested_pictures(run: Run) -> frozenset[str]:
    """The hashes of the test pictures of ``run``; empty where it was not tested."""
    try:
        with np.load(run.folder / FILE, allow_pickle=False) as saved:
            return frozenset(saved["hashes"].tolist())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return frozenset()


def runs_scored(workspace: Workspace) -> list[Run]:
    """The runs that may have been scored on a test, those in the trash included: their scores were
    seen too."""
    return [*list_runs(workspace), *trashed(workspace)]


def count_models(pictures: frozenset[str], tests: list[frozenset[str]]) -> int:
    """How many of ``tests`` (the pictures of each model's) are the test ``pictures``: at least 1.

    >>> one, other = frozenset("abcd"), frozenset("xyz")
    >>> count_models(one, [one, one - {"a"}, other, frozenset()])
    2
    """
    least = SAME_TEST * len(pictures)
    return max(1, sum(bool(test) and len(test & pictures) >= least for test in tests))


def models_scored(workspace: Workspace, run: Run) -> int:
    """How many models were scored on the test pictures of ``run``, itself included."""
    tests = [tested_pictures(one) for one in runs_scored(workspace)]
    return count_models(tested_pictures(run), tests)


def miss_chance(models: int) -> float:
    """The chance with which the interval of one test may miss the truth, so that the interval of
    whichever of ``models`` is kept misses it in at most 5 % of tests.

    >>> miss_chance(1), miss_chance(5), miss_chance(11) == 0.05 / 1024
    (0.05, 0.01, True)
    """
    if models < MANY_MODELS:
        return ALPHA / models
    return float(ALPHA / 2.0 ** (min(models, MAX_COUNTED) - 1))


def interval_of_best(results: Results, models: int) -> Interval:
    """The interval of the accuracy that holds in 95 % of tests for whichever of ``models`` is
    kept."""
    right = results.labels == results.guesses
    return share_interval(right, results.groups, alpha=miss_chance(models))


def summary(results: Results, models: int) -> dict[str, Any] | None:
    """For JSON: ``models``, the ``interval`` of whichever is kept, and whether a ``fresh_test`` is
    due; None for a single model."""
    if models < 2:
        return None
    interval = list(interval_of_best(results, models))
    return {"models": models, "interval": interval, "fresh_test": models >= MANY_MODELS}
