"""Logistic regression on cached features: out-of-fold probabilities of each label.

It is fitted on the first principal components of the features, in seconds where a training takes
minutes, and gives a second opinion on each label.
"""

import warnings

import numpy as np
import numpy.typing as npt

from ml.doctor.image_statistics import THUMBNAIL_SIDE

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
GroupIds = npt.NDArray[np.int64]

COMPONENTS = 256
INVERSE_REGULARISATION = 0.003
"""``C`` of scikit-learn. A strong penalty: a model that fits every label learns wrong ones too."""
FOLDS = 5
MIN_PHOTO_SIDE = 64
"""Pixels of the longer side. Smaller pictures are far from what the network learned on,
and their pixels say more: labels turned at random in 2,000 pictures of Fashion-MNIST are found a
little better with them."""


def classifier_inputs(features: Floats, thumbs: npt.NDArray[np.uint8] | None = None) -> Floats:
    """The principal components (N, at most 256) of features, and of ``thumbs`` where given."""
    parts = [_scaled(features)]
    if thumbs is not None:
        cells = thumbs.reshape(len(thumbs), THUMBNAIL_SIDE // 2, 2, THUMBNAIL_SIDE // 2, 2).mean(
            (2, 4)
        )
        parts.append(_scaled(cells.reshape(len(thumbs), -1).astype(np.float32)))
    return principal_components(
        parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), COMPONENTS
    )


def principal_components(columns: Floats, components: int) -> Floats:
    """Centred ``columns`` (N, F) on their first principal components."""
    centred = columns - columns.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred / max(len(centred), 1))
    projected: Floats = centred @ axes[:, ::-1][:, :components]
    return projected


def predict(
    train_inputs: Floats, labels: Labels, test_inputs: Floats, classes: int
) -> npt.NDArray[np.float64]:
    """Probabilities (M, classes) of ``test_inputs`` (M, F), fitted on ``train_inputs`` (N, F)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probabilities = np.zeros((len(test_inputs), classes))
    present = np.unique(labels)
    if len(present) < 2:
        probabilities[:, present] = 1.0
        return probabilities
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train_inputs, labels)
    probabilities[:, model.classes_] = model.predict_proba(test_inputs)
    return probabilities


def out_of_fold(
    columns: Floats, labels: Labels, group_ids: GroupIds, classes: int
) -> npt.NDArray[np.float64]:
    """Probabilities (N, classes) of each picture by models fitted without it and its group.

    ``group_ids`` numbers what is kept together, such as copies of a picture or shots of one person.
    """
    probabilities = np.zeros((len(labels), classes))
    fold = folds_of(labels, group_ids)
    for number in range(FOLDS):
        held_out = fold == number
        if held_out.any() and not held_out.all():
            probabilities[held_out] = predict(
                columns[~held_out], labels[~held_out], columns[held_out], classes
            )
    return probabilities


def folds_of(labels: Labels, group_ids: GroupIds) -> npt.NDArray[np.int64]:
    """The fold of each picture, 0 to 4, (N,): stratified, and every group in one fold."""
    order = np.random.default_rng(0).permutation(len(labels))
    _, first, group_number = np.unique(group_ids[order], return_index=True, return_inverse=True)
    representatives = order[first]  # one member of each group stands for all of them
    fold_of_group = np.empty(len(representatives), np.int64)
    offset = 0
    for label in np.unique(labels[representatives]):
        of_label = np.flatnonzero(labels[representatives] == label)
        fold_of_group[of_label] = (np.arange(len(of_label)) + offset) % FOLDS
        offset += len(of_label)
    fold = np.empty(len(labels), np.int64)
    fold[order] = fold_of_group[group_number]
    return fold


def _scaled(columns: Floats) -> Floats:
    centred: Floats = columns - columns.mean(0)
    centred /= max(float(centred.std(0).mean()), 1e-6)
    return centred
