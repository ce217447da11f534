"""The learning curve: accuracy by the number of training pictures, and what twice as many would
bring.

Light: pages read what was measured. ``ml.evaluation.learning_curve_fit`` measures it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.config import TrainConfig
from ml.hardware import describe, read_measurements, thread_count
from ml.metrics.classification import Interval, paired_difference, share_interval
from ml.metrics.design_effect import share_inflation
from ml.runs.folder import Run
from ml.training.cost.estimate import estimate
from ml.utils.files import read_json
from ml.workspace import Workspace

FORMAT_VERSION = 2
"""Raised when what is measured changes."""
SHARES = 4
"""A quarter, a half, three quarters and all of the training pictures."""
DRAWS = 5
"""So often are a head's pictures drawn and fitted anew; a whole network is trained once a size."""
MIN_GAIN = 0.01
"""A gain in accuracy that is surely below this is called little."""
MIN_MISTAKES = 10
"""With fewer mistakes no power law is fitted."""
MAX_DEVIANCE = 5.02
"""Laws whose deviance is so much larger than that of the best are ruled out: the 97.5 % quantile of
chi-squared with one degree of freedom, as 95 % come out too narrow on few pictures."""
MAX_MISFIT = 6.63
"""With a larger deviance even the best law does not describe the sizes (99 %, one degree)."""
FLOORS, EXPONENTS = np.linspace(0, 1, 41), np.linspace(0.05, 1.2, 47)
"""Shares of the last errors that no picture mends, and exponents, that are tried."""
FIT_NOISE = 0.01
"""The standard deviation of accuracy between fits, where each size was fitted once."""

Hits = npt.NDArray[np.bool_]
"""Whether each measured picture was right: (sizes, draws, pictures), the smallest size first."""


def path_of(run: Run) -> Path:
    """Where the curve of a run is kept."""
    return run.folder / "reports" / "curve.json"


def recipe_of(run: Run) -> dict[str, Any]:
    """What a curve is true of: with other epochs or other pictures it is another."""
    config = run.settings
    draws = DRAWS if config.frozen else 1
    return {
        "measure": FORMAT_VERSION,
        "fingerprint": run.dataset.get("fingerprint"),
        "epochs": config.epochs,
        "draws": draws,
        "measured_on": measured_on(run),
    }


def measured_on(run: Run) -> str:
    """The split that the points are measured on: ``test``, as the score of the run, where there are
    test pictures, else ``val``."""
    return "test" if (run.dataset.get("splits") or {}).get("test") else "val"


def taught_by(run: Run) -> tuple[str, ...]:
    """The splits that the model of the run was fitted to."""
    fits_both = run.settings.regression and measured_on(run) == "test"
    return ("train", "val") if fits_both else ("train",)


def read(run: Run) -> dict[str, Any] | None:
    """The curve of ``run``; None where none was measured to its end. See ``summary``."""
    measured = read_json(path_of(run))
    if not isinstance(measured, dict) or "verdict" not in measured:
        return None
    recipe = recipe_of(run)
    return measured if {name: measured.get(name) for name in recipe} == recipe else None


def seconds(workspace: Workspace, config: TrainConfig, pictures: int) -> float:
    """About how long it takes to measure the curve of a whole network: as long as four runs."""
    single_fit = config.changed(threads=thread_count(config.threads), folds=0)
    return SHARES * estimate(single_fit, pictures, describe(), read_measurements(workspace)).seconds


def summary(
    hits: Hits,
    counts: list[int],
    groups: npt.NDArray[np.int64] | None = None,
    measured_on: str = "val",
) -> dict[str, Any]:
    """What was measured, in figures and in one sentence.

    ``points`` [{``train`` pictures, ``accuracy``, ``interval``}]; ``gain`` from half of them to
    all, and its ``interval``; ``twice``, the interval of what twice as many pictures would bring if
    the errors went on as a power law above a floor, None where that cannot be told; ``verdict``:
    ``rising``, ``little`` or ``unclear``; ``finding``. Accuracies are means over the draws.

    Args:
        counts: training pictures of each size, a mean over the draws.
        groups: (pictures,) group numbers of the measured pictures; None where each is its own.
        measured_on: their split.
    """
    right = hits.mean(1)
    points = [
        {
            "train": count,
            "accuracy": float(one.mean()),
            "interval": list(share_interval(one, groups)),
        }
        for count, one in zip(counts, right, strict=True)
    ]
    gain, interval = paired_difference(hits[-1].astype(float) - hits[SHARES // 2 - 1], groups)
    doubled = _twice(hits, counts, groups)
    is_sure = doubled is not None and (doubled[0] > 0 or doubled[1] < MIN_GAIN)
    if doubled is not None and is_sure:
        verdict = "little" if doubled[1] < MIN_GAIN else "rising"
    else:
        verdict = "little" if interval[1] < MIN_GAIN else "rising" if interval[0] > 0 else "unclear"
    measured = {
        "pictures": hits.shape[2],
        "measured_on": measured_on,
        "points": points,
        "gain": gain,
        "interval": list(interval),
        "twice": list(doubled) if doubled and is_sure else None,
        "verdict": verdict,
    }
    return measured | {"finding": finding(measured)}


def _twice(hits: Hits, counts: list[int], groups: npt.NDArray[np.int64] | None) -> Interval | None:
    """What twice the pictures would bring, as an interval, where a power law fits.

    The share of errors is taken as ``last * (floor + (1 - floor) * share ** -exponent)``: a power
    law (Hestness and others 2017, https://arxiv.org/abs/1712.00409) above errors that no picture
    mends, such as wrong labels (Cortes and others 1994, "Learning curves: asymptotic values and
    rate of convergence"). Four sizes hardly tell the floor. So the interval has the gains of all
    laws that the sizes do not rule out (profile likelihood). ``benchmarks/learning_curve.py``
    counts how often it holds. None with fewer than ``MIN_MISTAKES`` wrong, or where no law fits.
    """
    errors = 1 - hits.mean(1)
    pictures = errors.shape[1]
    covariance = _covariance(hits) * share_inflation(1 - errors[-1], groups)
    if errors[-1].sum() < MIN_MISTAKES or not np.isfinite(covariance).all():
        return None
    means, precision = errors.mean(1), np.linalg.inv(covariance)
    floors, exponents = (grid.ravel() for grid in np.meshgrid(FLOORS, EXPONENTS, indexing="ij"))
    shares = np.array(counts) / counts[-1]
    laws = floors[:, None] + (1 - floors)[:, None] * shares ** -exponents[:, None]
    curvature = np.einsum("ki,ij,kj->k", laws, precision, laws)
    last = np.maximum(0, laws @ precision @ means / curvature)
    deviance = means @ precision @ means - 2 * last * (laws @ precision @ means)
    deviance += last**2 * curvature
    if deviance.min() > MAX_MISFIT or pictures < 2:
        return None
    slack = deviance.min() + MAX_DEVIANCE - deviance
    possible = slack >= 0
    around = np.sqrt(slack[possible] / curvature[possible])
    mended = ((1 - floors) * (1 - 2.0**-exponents))[possible]
    low = mended * np.maximum(0, last[possible] - around)
    high = mended * (last[possible] + around)
    return float(low.min()), float(high.max())


def _covariance(hits: Hits) -> npt.NDArray[np.float64]:
    """The covariance of the mean errors of the sizes (sizes, sizes): of the pictures, with half a
    picture each way, and of the draws."""
    sizes, draws, pictures = hits.shape
    of_pictures = np.cov(1 - hits.mean(1)) / pictures + np.eye(sizes) / (4 * pictures**2)
    if draws == 1:
        return np.asarray(of_pictures + np.eye(sizes) * FIT_NOISE**2)
    between = hits.mean(2).var(1, ddof=1).mean()
    return np.asarray(of_pictures + np.eye(sizes) * between / draws)


def finding(measured: dict[str, Any]) -> str:
    """The one sentence or two for people, from the figures of ``summary``."""
    half, full = measured["points"][SHARES // 2 - 1], measured["points"][-1]
    gain, (low, high) = 100 * measured["gain"], (100 * end for end in measured["interval"])
    kind = pictures_name(measured)
    change = f"gained {_points(gain)}" if gain >= 0 else f"lost {_points(-gain)}"
    sentence = (
        f"From {half['train']:,} to {full['train']:,} pictures it {change} "
        f"({low:.1f} to {high:.1f})"
    )
    little_to_gain = f"{sentence}: more pictures of the same kind will bring little."
    if measured["verdict"] == "little":
        return little_to_gain
    if measured["verdict"] == "unclear":
        return (
            f"{sentence}. With {measured['pictures']:,} {kind} that may be chance: "
            "whether more pictures help cannot be told."
        )
    if measured["twice"] is None:
        return f"{sentence}: more pictures still help. How far that goes on cannot be told."
    low_end, high_end = (100 * end for end in measured["twice"])
    ahead = (
        f"{low_end:.0f} to {high_end:.0f}"
        if round(low_end) < round(high_end)
        else f"{high_end:.0f}"
    )
    return (
        f"{sentence}, and over all four sizes it keeps rising. If it goes on like this, down to "
        f"errors that no picture may mend, twice the pictures might bring about {ahead} points."
    )


def pictures_name(measured: dict[str, Any]) -> str:
    """What the pictures are called that the points were measured on."""
    return "test pictures" if measured.get("measured_on") == "test" else "validation pictures"


def _points(value: float) -> str:
    """
    >>> _points(1.0), _points(2.34)
    ('1.0 points', '2.3 points')
    """
    return f"{value:.1f} points"


def accuracy_title(measured: dict[str, Any]) -> str:
    """What the accuracy of the points is called: "Test accuracy"."""
    return f"{pictures_name(measured).split()[0].capitalize()} accuracy"
