"""Compare the best trial of a search with the base on the same test pictures, with an interval.

The search never saw the test pictures. Only pictures that exactly one of the two classifies
correctly count, so the paired interval is far narrower than two separate ones would suggest.
"""

from typing import Any

import numpy as np

from ml.errors import BadInputError
from ml.metrics.classification import paired_difference, wilson
from ml.runs.folder import Run


def accuracy_difference(
    better: int, worse: int, pictures: int
) -> tuple[float, tuple[float, float]]:
    """The accuracy of the second of two classifiers minus the first's, with its 95 % interval.

    Both are shares (-1 to 1).

    Args:
        better: the number of pictures that only the second classifies correctly.
        worse: the number of pictures that only the first classifies correctly.
        pictures: the number of pictures in all.

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
    base_correct, best_correct = _correct_pictures(base), _correct_pictures(best)
    if base_correct.keys() != best_correct.keys() or not base_correct:
        raise BadInputError("The two were not tested on the same pictures, so nothing is compared.")
    pictures = len(base_correct)
    only_best = sum(best_correct[picture] and not base_correct[picture] for picture in base_correct)
    only_base = sum(base_correct[picture] and not best_correct[picture] for picture in base_correct)
    difference, interval = accuracy_difference(only_best, only_base, pictures)
    accuracies = [sum(correct.values()) / pictures for correct in (base_correct, best_correct)]
    return {
        "pictures": pictures,
        "base": {"accuracy": accuracies[0], "interval": list(wilson(accuracies[0], pictures))},
        "best": {"accuracy": accuracies[1], "interval": list(wilson(accuracies[1], pictures))},
        "better": only_best,
        "worse": only_base,
        "difference": difference,
        "interval": list(interval),
    }


def search_summary(trials: int, best: int, comparison: dict[str, Any] | None, base: str) -> str:
    """One or two sentences on the result of a search.

    ``base`` names the settings that the search started from. ``comparison`` is the result of
    ``compare``, or None where nothing could be compared.

    >>> sentence(12, 0, None, "default settings")
    'After 12 trials the default settings are still the best on the validation pictures: keep them.'
    """
    if best == 0:
        return (
            f"After {trials} trials the {base} are still the best on the validation pictures: "
            "keep them."
        )
    if comparison is None:
        return (
            f"Trial {best} was the best of {trials} on the validation pictures. It could not be "
            "compared on test pictures: a run is not there any more."
        )
    low, high = (100 * end for end in comparison["interval"])
    on_test = (
        f"On {comparison['pictures']} test pictures that the search never saw, trial {best} gets "
        f"{100 * comparison['best']['accuracy']:.1f} % and the {base} "
        f"{100 * comparison['base']['accuracy']:.1f} %: a difference of "
        f"{100 * comparison['difference']:+.1f} points ({low:+.1f} to {high:+.1f})."
    )
    if comparison["interval"][0] > 0:
        return f"{on_test} It is better."
    if comparison["difference"] <= 0:
        return (
            f"{on_test} What was best of {trials} on the validation pictures is not better on "
            f"these: keep the {base}."
        )
    return f"{on_test} That may be chance: more test pictures would tell."


def _correct_pictures(run: Run) -> dict[tuple[str, int], bool]:
    """Whether each test picture, by its hash and index, was classified correctly."""
    try:
        with np.load(run.folder / "predictions.npz", allow_pickle=False) as archive:
            guesses, labels = archive["logits"].argmax(axis=1), archive["labels"]
            keys = zip(archive["hashes"].tolist(), archive["indices"].tolist(), strict=True)
            return dict(zip(keys, (guesses == labels).tolist(), strict=True))
    except (OSError, ValueError, KeyError) as error:
        raise BadInputError(f"Run {run.id} has no test predictions. Train it anew.") from error
