"""Sample the settings of the next trial by Optuna's TPE, as a function of the trials so far.

The sampler is the multivariate TPE (Bergstra and others 2011, "Algorithms for hyper-parameter
optimization"; Falkner and others 2018, https://arxiv.org/abs/1807.01774). Each trial makes a new
sampler with its own seed, so a resumed search draws the same trials as one that was not stopped.
Optuna is imported on first use.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml.errors import MLError
from ml.tuning.search_space import Axis

RANDOM_TRIALS = 4
"""So many trials after the base are drawn at random."""
MIN_TRIALS_FOR_IMPORTANCES = 6
"""With fewer complete trials there are no importances."""


@dataclass(frozen=True)
class Observation:
    """One trial for the sampler: the value of each axis and the score (higher is better).

    A ``score`` of None counts as the worst one. ``is_complete`` is false for a pruned trial.
    """

    values: dict[str, Any]
    score: float | None
    is_complete: bool = True


def suggest_values(
    axes: Sequence[Axis], observations: Sequence[Observation], number: int, seed: int
) -> dict[str, Any]:
    """The values of trial ``number`` (from 1; 0 is the base), one for each axis."""
    optuna = _optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # multivariate is called experimental since 2020
        sampler = optuna.samplers.TPESampler(
            seed=(seed * 1_000_003 + number) % 2**32,
            multivariate=True,
            n_startup_trials=RANDOM_TRIALS,
        )
        study = _study(axes, observations, sampler)
        sampled = study.ask(_distributions(axes)).params
    return {axis.name: _rounded(axis, sampled[axis.name]) for axis in axes}


def importances(axes: Sequence[Axis], observations: Sequence[Observation]) -> dict[str, float]:
    """The importance of each axis for the score by PED-ANOVA; the importances sum to 1.

    Watanabe and others 2023, https://arxiv.org/abs/2304.10255. Empty where too few trials are
    complete or all have the same score.
    """
    complete = [
        observation
        for observation in observations
        if observation.is_complete and observation.score is not None
    ]
    if (
        len(complete) < MIN_TRIALS_FOR_IMPORTANCES
        or len({observation.score for observation in complete}) < 2
    ):
        return {}
    optuna = _optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        study = _study(axes, complete, optuna.samplers.RandomSampler(0))
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    total = sum(shares.values())
    return {name: float(value / total) for name, value in shares.items()} if total > 0 else {}


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


def _study(axes: Sequence[Axis], observations: Sequence[Observation], sampler: Any) -> Any:
    """An Optuna study in memory with all observations; a pruned trial has its last score."""
    optuna = _optuna()
    space, worst_score = (
        _distributions(axes),
        min(
            [observation.score for observation in observations if observation.score is not None]
            or [0.0]
        ),
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for observation in observations:
        score = worst_score if observation.score is None else observation.score
        state = (
            optuna.trial.TrialState.COMPLETE
            if observation.is_complete
            else optuna.trial.TrialState.PRUNED
        )
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=score if observation.is_complete else None,
                params={axis.name: observation.values[axis.name] for axis in axes},
                distributions=space,
                intermediate_values={} if observation.is_complete else {1: score},
            )
        )
    return study


def _distributions(axes: Sequence[Axis]) -> dict[str, Any]:
    optuna_distributions = _optuna().distributions
    by_name: dict[str, Any] = {}
    for axis in axes:
        if axis.choices:
            by_name[axis.name] = optuna_distributions.CategoricalDistribution(axis.choices)
        elif axis.whole:
            low, high = int(axis.low), int(axis.high)
            by_name[axis.name] = optuna_distributions.IntDistribution(low, high, log=axis.log)
        else:
            by_name[axis.name] = optuna_distributions.FloatDistribution(
                axis.low, axis.high, log=axis.log
            )
    return by_name


def _rounded(axis: Axis, value: Any) -> Any:
    """A float rounded to four digits, within the axis."""
    if axis.choices or axis.whole:
        return value
    return min(max(float(f"{value:.4g}"), axis.low), axis.high)
