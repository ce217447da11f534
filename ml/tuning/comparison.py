"""Whether the best trial is better than the base, on test pictures that the search never saw.

Both are tested on the same pictures, so that only those count which one has right and the other
wrong: the interval of the difference is far narrower than the two intervals apart would suggest.
"""

from typing import Any

import numpy as np

from ml.errors import BadInputError
from ml.metrics.classification import paired_difference, wilson
from ml.runs.folder import Run


def difference(better: int, worse: int, pictures: int) -> tuple[float, tuple[float, float]]:
    """How much more accurate the second of two classifiers is, with its 95 % interval.

    Args:
        better: pictures that the second has right and the first wrong.
        worse: those that it is the other way round with.

    >>> [round(end, 3) for end in difference(9, 3, 90)[1]]
    [-0.015, 0.145]
    """
    if pictures <= 0:
        return 0.0, (-1.0, 1.0)
    differences = np.zeros((1, pictures))
    differences[0, :better], differences[0, better : better + worse] = 1, -1
    return paired_difference(differences)


def compare(base: Run, best: Run) -> dict[str, Any]:
    """Accuracy of both on the test pictures of ``base``, and the difference with its interval.

    Raises:
        BadInputError: one of them was not tested, or not on the same pictures.
    """
    first, second = _right(base), _right(best)
    if first.keys() != second.keys() or not first:
        raise BadInputError("The two were not tested on the same pictures, so nothing is compared.")
    pictures = len(first)
    better = sum(second[item] and not first[item] for item in first)
    worse = sum(first[item] and not second[item] for item in first)
    gain, around = difference(better, worse, pictures)
    accuracies = [sum(found.values()) / pictures for found in (first, second)]
    return {
        "pictures": pictures,
        "base": {"accuracy": accuracies[0], "interval": list(wilson(accuracies[0], pictures))},
        "best": {"accuracy": accuracies[1], "interval": list(wilson(accuracies[1], pictures))},
        "better": better,
        "worse": worse,
        "difference": gain,
        "interval": list(around),
    }


def sentence(trials: int, best: int, found: dict[str, Any] | None, base: str) -> str:
    """What came of the search, honestly. ``base`` is what the trials were compared with, ``found``
    what ``compare`` found; None where nothing was to be compared.

    >>> sentence(12, 0, None, "default settings")
    'After 12 trials the default settings are still the best on the validation pictures: keep them.'
    """
    if best == 0:
        return (
            f"After {trials} trials the {base} are still the best on the validation pictures: "
            "keep them."
        )
    if found is None:
        return (
            f"Trial {best} was the best of {trials} on the validation pictures. It could not be "
            "compared on test pictures: a run is not there any more."
        )
    low, high = (100 * end for end in found["interval"])
    on_test = (
        f"On {found['pictures']} test pictures that the search never saw, trial {best} gets "
        f"{100 * found['best']['accuracy']:.1f} % and the {base} "
        f"{100 * found['base']['accuracy']:.1f} %: a difference of "
        f"{100 * found['difference']:+.1f} points ({low:+.1f} to {high:+.1f})."
    )
    if found["interval"][0] > 0:
        return f"{on_test} It is better."
    if found["difference"] <= 0:
        return (
            f"{on_test} What was best of {trials} on the validation pictures is not better on "
            f"these: keep the {base}."
        )
    return f"{on_test} That may be chance: more test pictures would tell."


def _right(run: Run) -> dict[tuple[str, int], bool]:
    """Whether each test picture, by its hash and place, was classified right."""
    try:
        with np.load(run.folder / "predictions.npz", allow_pickle=False) as found:
            guesses, labels = found["logits"].argmax(axis=1), found["labels"]
            keys = zip(found["hashes"].tolist(), found["indices"].tolist(), strict=True)
            return dict(zip(keys, (guesses == labels).tolist(), strict=True))
    except (OSError, ValueError, KeyError) as error:
        raise BadInputError(f"Run {run.id} has no test predictions. Train it anew.") from error
