"""Classifier: a trained model on ONNX Runtime, from a picture's bytes to its answer. No torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.data.pixels.pixels import Pixels, PixelSpec, canonical
from ml.errors import BadInputError
from ml.inference import ood_reference
from ml.inference.model_folder import (
    open_session,
    read_checked,
    read_manifest,
    run_outputs,
    run_session,
)
from ml.inference.ood import OodReference
from ml.metrics.calibration import is_sure, softmax

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


See = Callable[[], Pixels]
"""Prepares the pixels uint8 (S, S, C) of one picture; raises BadInputError where it cannot."""
NEIGHBOURS_IN_ANSWER = 6
"""How many training pictures an answer names as the nearest."""


class Output(NamedTuple):
    """What a network gives for one picture: ``logits`` (K,), and, where the model can tell, whether
    it is ``unlike`` the training pictures and which are ``nearest`` (item, label, distance)."""

    logits: npt.NDArray[np.float32]
    unlike: bool | None = None
    nearest: Sequence[tuple[int, int, float]] = ()


@dataclass(frozen=True)
class Classifier:
    """A trained classifier in memory. Make one with ``Classifier.load``.

    ``threshold`` is the confidence from which on a guess is called sure. ``known`` holds features
    of training pictures; a model of an earlier Lensmith has None.
    """

    manifest: dict[str, Any]
    classes: tuple[str, ...]
    spec: PixelSpec
    temperature: float
    threshold: float
    session: "InferenceSession"
    known: OodReference | None = None

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> "Classifier":
        """The classifier in a model folder, its file checked against its hash.

        Raises:
            BadInputError: there is none, it was changed or is damaged, or it is too new.
        """
        manifest = read_manifest(folder)
        path = folder / "model.onnx"
        model = read_checked(path, manifest)
        has_known = ood_reference.FILE in manifest["sha256"]
        known = folder / ood_reference.FILE
        try:
            session = open_session(model, threads)
        except Exception as error:  # ONNX Runtime has a dozen kinds of its own
            raise BadInputError(
                f"{path} cannot be loaded. Update onnxruntime, or train again."
            ) from error
        (logits,) = [one for one in session.get_outputs() if one.name == "logits"] or [None]
        if logits is None or logits.shape[-1] not in (len(manifest["classes"]), None):
            raise BadInputError(
                f"{path} does not answer for the classes of model.json. Copy the model folder "
                "again, or train again."
            )
        return cls(
            manifest,
            tuple(manifest["classes"]),
            PixelSpec.from_json(manifest["pixels"]),
            float(manifest["temperature"]),
            float(manifest["threshold"]),
            session,
            ood_reference.load(read_checked(known, manifest), known) if has_known else None,
        )

    def logits(
        self,
        pixels: Pixels,
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, K) of pictures uint8 (N, S, S, C). ``progress`` is told the share done."""
        return run_session(self.session, pixels, progress)

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float64]:
        """Calibrated probabilities (N, K) of pictures uint8 (N, S, S, C)."""
        return softmax(self.logits(pixels), self.temperature)

    def see(self, data: bytes) -> Pixels:
        """The picture in ``data`` as the network sees it: uint8 (S, S, C).

        Raises:
            BadInputError: it is no picture that can be read.
        """
        return canonical(data, self.spec)

    def outputs(self, pixels: Pixels) -> list[Output]:
        """What the network gives for each of pictures uint8 (N, S, S, C), in one pass."""
        if not self.known:
            return [Output(logits) for logits in run_session(self.session, pixels)]
        logits, features = run_outputs(self.session, pixels, ("logits", "features"))
        verdicts = self.known.judge(features, logits, NEIGHBOURS_IN_ANSWER)
        return [Output(row, *verdict) for row, verdict in zip(logits, verdicts, strict=True)]

    def answer(self, output: Output, name: str, top_k: int = 5) -> dict[str, Any]:
        """The answer that an output stands for.

        ``file`` (``name``), ``label``, ``probability``, ``top`` [{label, probability}] with the
        ``top_k`` most probable classes, ``decision`` (sure or not sure), ``error`` (None),
        ``unlike``: whether the picture is out of distribution, and ``nearest`` [{item, label,
        distance}], the training pictures that it is nearest to (None and empty for a model that
        cannot tell).
        """
        probabilities = softmax(output.logits[None], self.temperature)[0]
        order = np.argsort(-probabilities, kind="stable")[: max(1, top_k)]
        top = [{"label": self.classes[n], "probability": float(probabilities[n])} for n in order]
        sure = is_sure(probabilities[order[0]], self.threshold)
        nearest = [
            {"item": item, "label": self.classes[label], "distance": distance}
            for item, label, distance in output.nearest
        ]
        return {
            "file": name,
            **top[0],
            "top": top,
            "decision": "sure" if sure else "not sure",
            "error": None,
            "unlike": output.unlike,
            "nearest": nearest,
        }

    def classify(self, data: bytes, name: str, top_k: int = 5) -> dict[str, Any]:
        """The answer for the bytes of a picture; one that cannot be read gets its ``error``."""
        (answer,) = classify_batch(self, [(name, lambda: self.see(data))], top_k=top_k)
        return answer


def classify_batch(
    classifier: Classifier,
    pictures: Sequence[tuple[str, See]],
    *,
    top_k: int = 5,
    outputs: Callable[[Pixels], list[Output]] | None = None,
) -> list[dict[str, Any]]:
    """See pictures, ask the network about those that can be read, and put its outputs into answers.

    Args:
        pictures: the name of each, and what prepares its pixels.
        outputs: asks the network, in place of ``classifier.outputs``.

    Returns:
        For each picture in order ``Classifier.answer``, or ``unreadable`` with the reason.
    """
    answers: list[dict[str, Any]] = [{} for _ in pictures]
    inputs: dict[int, Pixels] = {}
    for place, (name, see) in enumerate(pictures):
        try:
            inputs[place] = see()
        except BadInputError as error:
            answers[place] = unreadable(name, str(error))
    if inputs:
        given = (outputs or classifier.outputs)(np.stack(list(inputs.values())))
        for place, output in zip(inputs, given, strict=True):
            answers[place] = classifier.answer(output, pictures[place][0], top_k)
    return answers


def unreadable(name: str, sentence: str) -> dict[str, Any]:
    """The answer for a picture that cannot be classified."""
    nothing: dict[str, Any] = {"label": None, "probability": None, "top": [], "decision": None}
    return {"file": name, **nothing, "error": sentence, "unlike": None, "nearest": []}
