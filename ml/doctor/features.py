"""What the bundled network sees in every picture of a version: features that a run shares.

They are kept by the hash of a picture, under the key that a training run with EfficientNet-Lite0
and its picture size uses, so that whoever comes second need not compute them.
"""

import numpy as np
import numpy.typing as npt
import torch

from ml import features
from ml.backbone import Backbone, keep
from ml.data.parallel import Progress
from ml.data.pictures import open_pictures
from ml.data.pixels import PixelSpec
from ml.data.store import DatasetVersion
from ml.export.graph import feature_graph
from ml.machine import threads
from ml.models import registry
from ml.models.registry import Inputs
from ml.workspace import Workspace

MODEL = "efficientnet_lite0"


def features_of(
    workspace: Workspace, version: DatasetVersion, progress: Progress = lambda share: None
) -> npt.NDArray[np.float32]:
    """The features (items, 1280) of every item of a version, excluded ones too.

    Raises:
        BadInputError: a picture is missing or damaged.
        MLError: the weights of the network are not installed.
        WorkspaceError: the disk is full or cannot be written to.
    """
    spec = PixelSpec(registry.get(MODEL).native_size)
    everything = np.arange(len(version.items))
    record = {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "splits": {"train": [], "val": [], "test": everything},
    }
    pictures = open_pictures(workspace, record, spec, lambda share: progress(0.2 * share))
    network = registry.build(MODEL, Inputs(spec.channels, spec.size, 2), pretrained=True)
    folder = workspace.features / features.key_of(MODEL, network, spec.key)
    count = threads(0)
    torch.set_num_threads(count)

    def forward() -> features.Forward:
        return features.onnx_forward(network, spec, workspace.graphs, count)

    stores = features.ensure(
        folder, pictures, 1, forward, lambda share: progress(0.2 + 0.8 * share)
    )
    graph = feature_graph(network, spec.channels, spec.size, workspace.graphs)
    keep(workspace, Backbone(folder.name, spec, graph))
    return stores[0].get(pictures.hashes("test"))
