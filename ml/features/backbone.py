"""The bundled backbone as an ONNX graph in the workspace: features without torch.

A child that has torch makes it once (``ml.doctor.features``); the inference worker and the doctor
run it on pictures that come in later. Light.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from ml import __version__
from ml.data.pixels.pixels import PixelSpec, canonical
from ml.data.store.versions import read_picture
from ml.features.cache import FeatureStore
from ml.inference.model_folder import open_session
from ml.models import catalog as model_catalog
from ml.utils.files import read_json, write_atomically, write_json
from ml.workspace import Workspace

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "efficientnet_lite0"
NAME = "backbone"


@dataclass(frozen=True)
class Backbone:
    """``graph`` maps pictures of ``spec`` to features; ``key`` names the store of those."""

    key: str
    spec: PixelSpec
    graph: bytes

    def store(self, workspace: Workspace) -> FeatureStore:
        """The features of pictures as they are, without augmentation."""
        return FeatureStore(workspace.features / self.key / "view-0")

    def session(self, threads: int = 1) -> "InferenceSession":
        """The graph, ready to run."""
        return open_session(self.graph, threads)

    def compute(
        self, workspace: Workspace, session: "InferenceSession", hashes: Sequence[str]
    ) -> None:
        """Add the features of pictures that have none.

        Raises:
            BadInputError: a picture is missing or cannot be read.
        """
        features = []
        for picture in hashes:
            pixels = canonical(read_picture(workspace, picture), self.spec)
            features.append(session.run(["features"], {"pictures": pixels[None]})[0])
        if features:
            self.store(workspace).add(hashes, np.concatenate(features))


def store_backbone(workspace: Workspace, backbone: Backbone) -> None:
    """Write the graph, and then the JSON whose hash says that the graph is complete."""
    workspace.graphs.mkdir(parents=True, exist_ok=True)
    path = workspace.graphs / f"{NAME}.onnx"
    about = {"key": backbone.key, "size": backbone.spec.size, **_made_by()}
    about["sha256"] = hashlib.sha256(backbone.graph).hexdigest()
    if read_json(path.with_suffix(".json")) == about and path.is_file():
        return
    write_atomically(path, lambda file: file.writelines((backbone.graph,)))
    write_json(path.with_suffix(".json"), about)


def stored_backbone(workspace: Workspace) -> Backbone | None:
    """The stored backbone; None where another version of Lensmith made it or it is damaged."""
    path = workspace.graphs / f"{NAME}.onnx"
    about = read_json(path.with_suffix(".json"))
    if not isinstance(about, dict) or not _made_by().items() <= about.items():
        return None
    with suppress(OSError):
        graph = path.read_bytes()
        if hashlib.sha256(graph).hexdigest() == about.get("sha256"):
            return Backbone(str(about["key"]), PixelSpec(int(about["size"])), graph)
    return None


def _made_by() -> dict[str, str]:
    """The versions of Lensmith and of the weights: a file of other versions is made anew."""
    package = model_catalog.get(MODEL).package
    try:
        weights = metadata.version(package)
    except metadata.PackageNotFoundError:
        weights = "missing"
    return {"lensmith": __version__, "weights": weights}
