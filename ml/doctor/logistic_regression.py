"""A quick classifier on kept features, to ask what pictures of each label have in common.

Logistic regression on the first principal components of the features. It takes seconds where a
training takes minutes, and is all that is asked of it: a second opinion on each label.
"""

import warnings

import numpy as np
import numpy.typing as npt

from ml.doctor.image_statistics import SIDE

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Units = npt.NDArray[np.int64]

COMPONENTS = 256
PENALTY = 0.003
"""Strong: a head that fits every label learns the wrong ones too."""
FOLDS = 5
SMALL = 64
"""Pictures below this are far from what the network learned on, and their pixels say more: labels
turned at random in 2,000 pictures of Fashion-MNIST are found a little better with them."""


def compress(features: Floats, thumbs: npt.NDArray[np.uint8] | None = None) -> Floats:
    """The principal components (N, at most 256) of features, and of ``thumbs`` where given."""
    parts = [_scaled(features)]
    if thumbs is not None:
        cells = thumbs.reshape(len(thumbs), SIDE // 2, 2, SIDE // 2, 2).mean((2, 4))
        parts.append(_scaled(cells.reshape(len(thumbs), -1).astype(np.float32)))
    return project(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), COMPONENTS)


def project(columns: Floats, components: int) -> Floats:
    """Centred ``columns`` (N, F) on their first principal components."""
    centred = columns - columns.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred / max(len(centred), 1))
    found: Floats = centred @ axes[:, ::-1][:, :components]
    return found


def predict(known: Floats, labels: Labels, asked: Floats, classes: int) -> npt.NDArray[np.float64]:
    """Probabilities (asked, classes) by a head fitted on ``known`` with ``labels``."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    found = np.zeros((len(asked), classes))
    seen = np.unique(labels)
    if len(seen) < 2:
        found[:, seen] = 1.0
        return found
    head = LogisticRegression(C=PENALTY, max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        head.fit(known, labels)
    found[:, head.classes_] = head.predict_proba(asked)
    return found


def out_of_fold(
    columns: Floats, labels: Labels, units: Units, classes: int
) -> npt.NDArray[np.float64]:
    """Probabilities (N, classes) of each picture by heads that have not seen it nor its unit.

    ``units`` numbers what is kept together, such as copies of a picture or shots of one person.
    """
    found = np.zeros((len(labels), classes))
    fold = folds_of(labels, units)
    for number in range(FOLDS):
        away = fold == number
        if away.any() and not away.all():
            found[away] = predict(columns[~away], labels[~away], columns[away], classes)
    return found


def folds_of(labels: Labels, units: Units) -> npt.NDArray[np.int64]:
    """The fold of each picture: every class spread evenly, every unit in one fold."""
    order = np.random.default_rng(0).permutation(len(labels))
    _, first, number = np.unique(units[order], return_index=True, return_inverse=True)
    leading = order[first]  # one member of each unit stands for all of them
    place = np.empty(len(leading), np.int64)
    offset = 0
    for label in np.unique(labels[leading]):
        of_label = np.flatnonzero(labels[leading] == label)
        place[of_label] = (np.arange(len(of_label)) + offset) % FOLDS
        offset += len(of_label)
    fold = np.empty(len(labels), np.int64)
    fold[order] = place[number]
    return fold


def _scaled(columns: Floats) -> Floats:
    centred: Floats = columns - columns.mean(0)
    centred /= max(float(centred.std(0).mean()), 1e-6)
    return centred
