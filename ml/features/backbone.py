"""The bundled network as a file that gives features without torch, kept in the workspace.

Made once by a child that has torch (``ml.doctor.features``); the inference worker and the doctor
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
    """``graph`` takes pictures of ``spec`` to features; ``key`` names the store of those."""

    key: str
    spec: PixelSpec
    graph: bytes

    def store(self, workspace: Workspace) -> FeatureStore:
        """What is known of pictures as they are."""
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
        found = []
        for one in hashes:
            pixels = canonical(read_picture(workspace, one), self.spec)
            found.append(session.run(["features"], {"pictures": pixels[None]})[0])
        if found:
            self.store(workspace).add(hashes, np.concatenate(found))


def keep(workspace: Workspace, backbone: Backbone) -> None:
    """Keep the file, and then what says that it is whole."""
    workspace.graphs.mkdir(parents=True, exist_ok=True)
    path = workspace.graphs / f"{NAME}.onnx"
    about = {"key": backbone.key, "size": backbone.spec.size, **_of()}
    about["sha256"] = hashlib.sha256(backbone.graph).hexdigest()
    if read_json(path.with_suffix(".json")) == about and path.is_file():
        return
    write_atomically(path, lambda file: file.writelines((backbone.graph,)))
    write_json(path.with_suffix(".json"), about)


def kept(workspace: Workspace) -> Backbone | None:
    """The file, where this version of Lensmith has made it and it is whole."""
    path = workspace.graphs / f"{NAME}.onnx"
    about = read_json(path.with_suffix(".json"))
    if not isinstance(about, dict) or not _of().items() <= about.items():
        return None
    with suppress(OSError):
        graph = path.read_bytes()
        if hashlib.sha256(graph).hexdigest() == about.get("sha256"):
            return Backbone(str(about["key"]), PixelSpec(int(about["size"])), graph)
    return None


def _of() -> dict[str, str]:
    """What the file is made by and of: where that is another, it is made anew."""
    package = model_catalog.get(MODEL).package
    try:
        weights = metadata.version(package)
    except metadata.PackageNotFoundError:
        weights = "missing"
    return {"lensmith": __version__, "weights": weights}
