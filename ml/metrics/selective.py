"""What the threshold of a model means, counted on validation pictures: how many it leaves open.

The threshold itself is chosen by ``ml.metrics.calibration.fit_threshold``. Light: numpy alone.
"""

from typing import Any

import numpy as np

from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION, TARGET, is_sure
from ml.metrics.classification import Floats, Ints


def count(probabilities: Floats, labels: Ints, threshold: float) -> dict[str, Any]:
    """For ``model.json``: of ``pictures`` validation pictures ``answered`` got a sure answer, and
    ``right`` of these were right. ``target`` is the share of right ones that was asked for, and
    ``enough`` says whether there were pictures enough to choose a threshold for it."""
    answered = is_sure(probabilities.max(axis=1), threshold)
    right = probabilities.argmax(axis=1) == labels
    return {
        "pictures": len(labels),
        "answered": int(np.sum(answered)),
        "right": int(np.sum(answered & right)),
        "target": TARGET,
        "enough": len(labels) >= MIN_PICTURES_FOR_CALIBRATION,
    }
