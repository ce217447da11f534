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
from ml.metrics.classification import Interval, paired_difference, wilson
from ml.runs.folder import Run
from ml.training.cost.estimate import estimate
from ml.utils.files import read_json
from ml.workspace import Workspace

FORMAT_VERSION = 1
"""Raised when what is measured changes."""
SHARES = 4
"""A quarter, a half, three quarters and all of the training pictures."""
DRAWS = 5
"""So often are a head's pictures drawn and fitted anew; a whole network is trained once a size."""
MIN_GAIN = 0.01
"""A gain in accuracy that is surely below this is called little."""
MIN_MISTAKES = 5
"""With fewer mistakes no power law is fitted."""
RESAMPLES = 1000

Hits = npt.NDArray[np.bool_]
"""Whether each validation picture was right: (sizes, draws, pictures), the smallest size first."""


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
    }


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


def summary(hits: Hits, counts: list[int]) -> dict[str, Any]:
    """What was measured, in figures and in one sentence.

    ``points`` [{``train`` pictures, ``accuracy``, ``interval``}]; ``gain`` from half of them to
    all, and its ``interval``; ``twice``, the interval of what twice as many pictures would bring if
    the errors went on as a power law, None where they do not follow one; ``verdict``: ``rising``,
    ``little`` or ``unclear``; ``finding``. Accuracies are means over the draws.

    Args:
        counts: training pictures of each size, a mean over the draws.
    """
    pictures = hits.shape[2]
    means = hits.mean((1, 2))
    points = [
        {"train": count, "accuracy": float(mean), "interval": list(wilson(float(mean), pictures))}
        for count, mean in zip(counts, means, strict=True)
    ]
    gain, interval = paired_difference(hits[-1].astype(float) - hits[SHARES // 2 - 1])
    doubled = _twice(hits, counts, interval)
    if doubled is not None:
        verdict = "little" if doubled[1] < MIN_GAIN else "rising"
    else:
        verdict = "little" if interval[1] < MIN_GAIN else "rising" if interval[0] > 0 else "unclear"
    measured = {"pictures": pictures, "points": points, "gain": gain, "interval": list(interval)}
    measured |= {"twice": list(doubled) if doubled else None, "verdict": verdict}
    return measured | {"finding": finding(measured)}


def _twice(hits: Hits, counts: list[int], last_doubling: Interval) -> tuple[float, float] | None:
    """What twice the pictures would bring, as an interval, where a power law fits.

    The share of errors is taken as ``a * pictures ** -b`` (Hestness and others 2017,
    https://arxiv.org/abs/1712.00409), fitted to the sizes with the validation pictures drawn again
    a thousand times. It holds where ``b`` is surely above 0, at least ``MIN_MISTAKES`` pictures
    are wrong, and the law agrees with what the last doubling brought.
    """
    right = hits.mean(1)
    pictures = right.shape[1]
    if pictures * (1 - right[-1].mean()) < MIN_MISTAKES:
        return None
    chance = np.random.default_rng(0)
    resampled = chance.multinomial(pictures, np.full(pictures, 1 / pictures), RESAMPLES)
    mistakes = np.vstack([pictures - right.sum(1), resampled @ (1 - right.T)])
    logs = np.log((mistakes + 0.5) / (pictures + 1))
    x = np.log(counts) - np.log(counts[-1])
    centred = x - x.mean()
    slope = -(logs @ centred) / (centred @ centred)
    final_errors = np.exp(logs.mean(1) + slope * x.mean())  # the law's errors with all pictures
    if np.quantile(slope, 0.025) <= 0:
        return None
    errors_before = final_errors[0] * (counts[SHARES // 2 - 1] / counts[-1]) ** -slope[0]
    if not last_doubling[0] <= errors_before - final_errors[0] <= last_doubling[1]:
        return None
    reduction = final_errors * (1 - 2.0**-slope)
    low, high = np.quantile(reduction[1:], [0.025, 0.975])
    return float(low), float(high)


def finding(measured: dict[str, Any]) -> str:
    """The one sentence or two for people, from the figures of ``summary``."""
    half, full = measured["points"][SHARES // 2 - 1], measured["points"][-1]
    gain, (low, high) = 100 * measured["gain"], (100 * end for end in measured["interval"])
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
            f"{sentence}. With {measured['pictures']:,} validation pictures that may be chance: "
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
        f"{sentence}, and over all four sizes it keeps rising. If it goes on like this, twice the "
        f"pictures might bring about {ahead} points."
    )


def _points(value: float) -> str:
    """
    >>> _points(1.0), _points(2.34)
    ('1.0 points', '2.3 points')
    """
    return f"{value:.1f} points"
