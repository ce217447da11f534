"""Compare the best trial of a search with the base on the same test pictures, with an interval.

The search never saw the test pictures. Only pictures that exactly one of the two classifies
correctly count, so the paired interval is far narrower than two separate ones would suggest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import BadInputError
from ml.evaluation.results import picture_groups
from ml.metrics import predictions
from ml.metrics.classification import paired_difference, share_interval
from ml.metrics.predictions import Predictions
from ml.runs.folder import Run
from ml.text.format import count
from ml.workspace import Workspace


def accuracy_difference(
    better: int, worse: int, pictures: int
) -> tuple[float, tuple[float, float]]:
    """The accuracy of the second of two classifiers minus the first's, with its 95 % interval.

    Both are shares (-1 to 1).

    Args:
        better: the number of pictures that only the second classifies correctly.
        worse: the number of pictures that only the first classifies correctly.
        pictures: the number of pictures in all, each its own group.

    >>> [round(end, 3) for end in accuracy_difference(9, 3, 90)[1]]
    [-0.015, 0.145]
    """
    if pictures <= 0:
        return 0.0, (-1.0, 1.0)
    differences = np.zeros((1, pictures))
    differences[0, :better], differences[0, better : better + worse] = 1, -1
    return paired_difference(differences)


def compare(workspace: Workspace, base: Run, best: Run) -> dict[str, Any]:
    """Accuracy of both on the test pictures of ``base``, and the difference with its interval.

    ``groups`` is how many groups the pictures are of, None where each is its own; the intervals
    allow for them.

    Raises:
        BadInputError: one of them was not tested, or not on the same pictures.
    """
    before, after = _predictions(base), _predictions(best)
    keys = [list(zip(one.hashes, one.indices.tolist(), strict=True)) for one in (before, after)]
    if not keys[0] or sorted(keys[0]) != sorted(keys[1]):
        raise BadInputError("The two were not tested on the same pictures, so nothing is compared.")
    place = {key: n for n, key in enumerate(keys[1])}
    order = np.array([place[key] for key in keys[0]])
    base_right = before.logits.argmax(axis=1) == before.labels
    best_right = (after.logits.argmax(axis=1) == after.labels)[order]
    groups = before.groups
    if groups is None:
        groups = picture_groups(workspace, base.dataset, before.indices)
    pictures = len(base_right)
    difference, interval = paired_difference((best_right - base_right.astype(float))[None], groups)

    def accuracy(right: NDArray[np.bool_]) -> dict[str, Any]:
        return {"accuracy": float(right.mean()), "interval": list(share_interval(right, groups))}

    return {
        "pictures": pictures,
        "groups": None if groups is None else len(np.unique(groups)),
        "base": accuracy(base_right),
        "best": accuracy(best_right),
        "better": int((best_right & ~base_right).sum()),
        "worse": int((base_right & ~best_right).sum()),
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
        f"{100 * comparison['difference']:+.1f} points ({low:+.1f} to {high:+.1f}"
        f"{_grouped(comparison)})."
    )
    if is_better(comparison):
        return f"{on_test} It is better."
    if comparison["difference"] <= 0:
        return (
            f"{on_test} What was best of {trials} on the validation pictures is not better on "
            f"these: keep the {base}."
        )
    return f"{on_test} That may be chance: more test pictures would tell."


def is_better(comparison: dict[str, Any] | None) -> bool:
    """Whether the best trial beats the start beyond chance, by the interval of ``compare``."""
    return comparison is not None and comparison["interval"][0] > 0


def _grouped(comparison: dict[str, Any]) -> str:
    groups = comparison.get("groups")
    return f"; they are of {count(groups, 'group')}, which is allowed for" if groups else ""


def _predictions(run: Run) -> Predictions:
    """What ``run`` answered to its test pictures."""
    try:
        return predictions.load(run.folder / predictions.FILE)
    except BadInputError as error:
        raise BadInputError(f"Run {run.id} has no test predictions. Train it anew.") from error
