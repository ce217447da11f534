"""The explainer: a heat map of what counted for a class, and a check whether it did.

It asks the exported file alone, in the inference worker: no gradients, no torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import BadInputError
from ml.explain import activation, covering, tail
from ml.explain.heat import Heat, scaled, smoothed
from ml.explain.overlay import stretched
from ml.inference.classifier import Classifier
from ml.inference.model_folder import read_checked, run_outputs
from ml.models.outputs import ATTENTION

Pixels = npt.NDArray[np.uint8]


class Explainer:
    """Explains one classifier's answers.

    ``tail`` is the last part of its network, where that can be had by itself, and ``outputs`` are
    the names of what its file gives.

    Raises:
        BadInputError: the file in ``folder`` is not that of ``classifier`` any more.
    """

    def __init__(self, classifier: Classifier, folder: Path, threads: int = 1) -> None:
        self.classifier = classifier
        model = read_checked(folder / "model.onnx", classifier.manifest)
        self.tail = tail.cut(model, threads)
        self.outputs = tuple(output.name for output in classifier.session.get_outputs())

    def output(self, name: str, seen: Pixels) -> npt.NDArray[np.float32]:
        """What the file gives under ``name`` for one picture (S, S, C), without its first axis."""
        by_class: npt.NDArray[np.float32] = run_outputs(
            self.classifier.session, seen[None], (name,)
        )[0][0]
        return by_class

    def methods(self) -> "list[Method]":
        """The ways that there are to explain this model, the best first."""
        return [method for method in METHODS if method.fits(self)]

    def explain(self, seen: Pixels, label: str, name: str = "") -> dict[str, Any]:
        """A map of what counts for class ``label`` in a picture uint8 (S, S, C).

        Args:
            name: of the method; the best where it is empty.

        Returns:
            ``method``, ``heat`` (lists, h by w, 0 to 1), the three figures of ``covering.check``,
            and ``methods`` [{name, label, says}], those that this model has.

        Raises:
            BadInputError: the model has no such class or method, or takes other pictures.
        """
        classes, spec = self.classifier.classes, self.classifier.spec
        methods = {method.name: method for method in self.methods()}
        if label not in classes or name not in {"", *methods}:
            raise BadInputError("This model has no such class or map. Load the page again.")
        if seen.shape != (spec.size, spec.size, spec.channels):
            raise BadInputError("The picture was prepared for another model. Drop it again.")
        method = methods[name] if name else self.methods()[0]
        place = classes.index(label)
        heat = method.heat(self, seen, place)
        figures = covering.check(self.classifier.probabilities, seen, heat, place)
        methods_shown = [
            {"name": one.name, "label": one.label, "says": one.says} for one in methods.values()
        ]
        heat_rows = np.round(heat.astype(float), 4).tolist()
        return {"method": method.name, "heat": heat_rows, **figures, "methods": methods_shown}


@dataclass(frozen=True)
class Method:
    """One way to explain: what people read, whether it ``fits`` a model, and how the ``heat``
    (h, w), 0 to 1, of a picture (S, S, C) for a class number is made."""

    name: str
    label: str
    says: str
    fits: Callable[[Explainer], bool]
    heat: Callable[[Explainer, Pixels, int], Heat]


def _activation(explainer: Explainer, seen: Pixels, label: int) -> Heat:
    assert explainer.tail is not None
    by_class = activation.contributions(explainer.tail, explainer.output(tail.MAP, seen))
    return scaled(smoothed(np.maximum(by_class[label], 0)))


def _covering(explainer: Explainer, seen: Pixels, label: int) -> Heat:
    return scaled(covering.occlusion(explainer.classifier.probabilities, seen)[label])


def _attention(explainer: Explainer, seen: Pixels, label: int) -> Heat:
    return np.asarray(stretched(explainer.output(ATTENTION, seen)[0]), np.float32)


METHODS = (
    Method(
        "activation",
        "Evidence",
        "Bright places are those where the last layers of the network found what speaks for this "
        "class (Grad-CAM).",
        lambda explainer: explainer.tail is not None,
        _activation,
    ),
    Method(
        "covering",
        "Covering",
        "One place after another was covered. Bright places are those without which this class "
        "becomes less probable (occlusion).",
        lambda explainer: True,
        _covering,
    ),
    Method(
        "attention",
        "Where it looked",
        "Bright places are those that the network itself gave most weight to, before it chose a "
        "class: this map is the same for every class (its attention).",
        lambda explainer: ATTENTION in explainer.outputs,
        _attention,
    ),
)
"""The best first."""
