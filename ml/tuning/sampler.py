"""Which settings to try next: a function of what was tried. Optuna is imported when asked for.

The sampler is Optuna's multivariate TPE (Bergstra and others 2011, "Algorithms for hyper-parameter
optimization"; Falkner and others 2018, https://arxiv.org/abs/1807.01774). It is made anew for each
trial, with a seed of its own: whoever resumes a search goes on as if nothing had happened.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml.errors import MLError
from ml.tuning.search_space import Axis

RANDOM = 4
"""The first trials after the base are drawn by lot."""
ENOUGH = 6
"""With fewer trials nothing is said about what mattered."""


@dataclass(frozen=True)
class Tried:
    """What one trial tells: the value of each axis, its score (higher is better), and whether it
    went all the way. ``score`` is None where it had none: it counts as the worst."""

    values: dict[str, Any]
    score: float | None
    whole: bool = True


def suggest(axes: Sequence[Axis], tried: Sequence[Tried], number: int, seed: int) -> dict[str, Any]:
    """The values of trial ``number`` (from 1; 0 is the base), one for each axis."""
    optuna = _optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # multivariate is called experimental since 2020
        sampler = optuna.samplers.TPESampler(
            seed=(seed * 1_000_003 + number) % 2**32, multivariate=True, n_startup_trials=RANDOM
        )
        study = _study(axes, tried, sampler)
        found = study.ask(_space(axes)).params
    return {axis.name: _plain(axis, found[axis.name]) for axis in axes}


def importances(axes: Sequence[Axis], tried: Sequence[Tried]) -> dict[str, float]:
    """The share of each axis in what made trials good, adding up to 1; empty where too few are
    whole to tell. By PED-ANOVA (Watanabe and others 2023, https://arxiv.org/abs/2304.10255).
    """
    whole = [one for one in tried if one.whole and one.score is not None]
    if len(whole) < ENOUGH or len({one.score for one in whole}) < 2:
        return {}
    optuna = _optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        study = _study(axes, whole, optuna.samplers.RandomSampler(0))
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    total = sum(found.values())
    return {name: float(value / total) for name, value in found.items()} if total > 0 else {}


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MLError(
            "The search needs the package optuna, which is missing. Install it with: "
            "pip install optuna"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _study(axes: Sequence[Axis], tried: Sequence[Tried], sampler: Any) -> Any:
    """A study in memory that knows what was tried. What ended early counts as its last score."""
    optuna = _optuna()
    space, worst = _space(axes), min([one.score for one in tried if one.score is not None] or [0.0])
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for one in tried:
        score = worst if one.score is None else one.score
        state = optuna.trial.TrialState.COMPLETE if one.whole else optuna.trial.TrialState.PRUNED
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=score if one.whole else None,
                params={axis.name: one.values[axis.name] for axis in axes},
                distributions=space,
                intermediate_values={} if one.whole else {1: score},
            )
        )
    return study


def _space(axes: Sequence[Axis]) -> dict[str, Any]:
    distributions = _optuna().distributions
    found: dict[str, Any] = {}
    for axis in axes:
        if axis.choices:
            found[axis.name] = distributions.CategoricalDistribution(axis.choices)
        elif axis.whole:
            low, high = int(axis.low), int(axis.high)
            found[axis.name] = distributions.IntDistribution(low, high, log=axis.log)
        else:
            found[axis.name] = distributions.FloatDistribution(axis.low, axis.high, log=axis.log)
    return found


def _plain(axis: Axis, value: Any) -> Any:
    """A float with four digits: settings that a person can read and type again."""
    if axis.choices or axis.whole:
        return value
    return min(max(float(f"{value:.4g}"), axis.low), axis.high)
