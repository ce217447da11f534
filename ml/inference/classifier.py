"""Use a trained classifier: its folder is all that is needed, and torch is not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.data.pixels.pixels import PixelSpec, canonical
from ml.errors import BadInputError
from ml.inference import ood_reference
from ml.inference.model_folder import (
    open_session,
    read_checked,
    read_manifest,
    run_outputs,
    run_session,
)
from ml.inference.ood import Known
from ml.metrics.calibration import is_sure, softmax

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


NEAREST = 6
"""So many pictures learned from are named with an answer."""


class Output(NamedTuple):
    """What a network gives for one picture: ``logits`` (K,), and, where the model can tell, whether
    it is ``unlike`` what was learned and what it is ``nearest`` to (item, label, distance)."""

    logits: npt.NDArray[np.float32]
    unlike: bool | None = None
    nearest: Sequence[tuple[int, int, float]] = ()


@dataclass(frozen=True)
class Classifier:
    """A trained classifier in memory. Make one with ``Classifier.load``.

    ``threshold`` is the confidence from which on a guess is called sure. ``known`` is what it
    remembers of the pictures that it learned from; a model of an earlier Lensmith has None.
    """

    manifest: dict[str, Any]
    classes: tuple[str, ...]
    spec: PixelSpec
    temperature: float
    threshold: float
    session: "InferenceSession"
    known: Known | None = None

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
        pixels: npt.NDArray[np.uint8],
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, K) of pictures uint8 (N, S, S, C). ``progress`` is told the share done."""
        return run_session(self.session, pixels, progress)

    def probabilities(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities (N, K) of pictures uint8 (N, S, S, C)."""
        return softmax(self.logits(pixels), self.temperature)

    def see(self, data: bytes) -> npt.NDArray[np.uint8]:
        """The picture in ``data`` as the network sees it: uint8 (S, S, C).

        Raises:
            BadInputError: it is no picture that can be read.
        """
        return canonical(data, self.spec)

    def judge(self, seen: npt.NDArray[np.uint8], name: str, top_k: int = 5) -> dict[str, Any]:
        """What the model makes of a picture that ``see`` returned.

        ``file``, ``label``, ``probability``, ``top`` [{label, probability}] with the ``top_k`` most
        probable classes, ``decision`` (sure or not sure), ``error`` (None), ``unlike``: whether it
        is unlike anything that was learned, and ``nearest`` [{item, label, distance}], the pictures
        learned from that it is nearest to (None and empty for a model that cannot tell).
        """
        return self.tell(self.outputs(seen[None])[0], name, top_k)

    def outputs(self, pixels: npt.NDArray[np.uint8]) -> list[Output]:
        """What the network gives for each of pictures uint8 (N, S, S, C), in one pass; ``tell``
        puts it into words."""
        if not self.known:
            return [Output(logits) for logits in run_session(self.session, pixels)]
        logits, features = run_outputs(self.session, pixels, ("logits", "features"))
        looks = self.known.judge(features, logits, NEAREST)
        return [Output(one, *look) for one, look in zip(logits, looks, strict=True)]

    def tell(self, output: Output, name: str, top_k: int = 5) -> dict[str, Any]:
        """What ``judge`` says, from what ``outputs`` gave for the picture."""
        chances = softmax(output.logits[None], self.temperature)[0]
        order = np.argsort(-chances, kind="stable")[: max(1, top_k)]
        top = [{"label": self.classes[n], "probability": float(chances[n])} for n in order]
        decision = "sure" if is_sure(chances[order[0]], self.threshold) else "not sure"
        near = [
            {"item": item, "label": self.classes[label], "distance": distance}
            for item, label, distance in output.nearest
        ]
        said = {"file": name, **top[0], "top": top, "decision": decision, "error": None}
        return said | {"unlike": output.unlike, "nearest": near}

    def classify(self, data: bytes, name: str, top_k: int = 5) -> dict[str, Any]:
        """``judge`` for the bytes of a picture; one that cannot be read gets its ``error``."""
        try:
            return self.judge(self.see(data), name, top_k)
        except BadInputError as error:
            return unreadable(name, str(error))


def unreadable(name: str, sentence: str) -> dict[str, Any]:
    """The answer for a picture that cannot be classified."""
    nothing: dict[str, Any] = {"label": None, "probability": None, "top": [], "decision": None}
    return {"file": name, **nothing, "error": sentence, "unlike": None, "nearest": []}
