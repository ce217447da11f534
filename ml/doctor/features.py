"""Features of the bundled network for every picture of a version, in the cache that runs share.

They are kept by the hash of a picture, under the key that a training run with EfficientNet-Lite0
and its picture size uses, so that whoever comes second need not compute them. torch is needed once
in a workspace, to make the graph of the network: after that an examination does without.
"""

import numpy as np
import numpy.typing as npt

from ml.data.pixels.parallel import Progress
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.data.store.versions import DatasetVersion
from ml.features import extract as features
from ml.features.backbone import MODEL, Backbone, store_backbone, stored_backbone
from ml.hardware import thread_count
from ml.models import catalog as model_catalog
from ml.models.registry import Inputs
from ml.workspace import Workspace


def features_of(
    workspace: Workspace, version: DatasetVersion, progress: Progress = lambda share: None
) -> npt.NDArray[np.float32]:
    """The features (items, 1280) of every item of a version, excluded ones too.

    Raises:
        BadInputError: a picture is missing or damaged.
        MLError: the weights of the network are not installed.
        WorkspaceError: the disk is full or cannot be written to.
    """
    spec = PixelSpec(model_catalog.get(MODEL).native_size)
    all_items = np.arange(len(version.items))
    record = {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "splits": {"train": [], "val": [], "test": all_items},
    }
    pictures = open_pictures(workspace, record, spec, lambda share: progress(0.2 * share))
    backbone = stored_backbone(workspace)
    if backbone is None or backbone.spec != spec:
        backbone = _trace_backbone(workspace, spec)
    graph, count = backbone.graph, thread_count(0)
    stores = features.ensure(
        workspace.features / backbone.key,
        pictures,
        1,
        lambda: features.graph_forward(graph, count),
        lambda share: progress(0.2 + 0.8 * share),
    )
    return stores[0].get(pictures.hashes("test"))


def _trace_backbone(workspace: Workspace, spec: PixelSpec) -> Backbone:
    """Trace the bundled network into a graph, and store it."""
    from ml.export.graph import feature_graph  # it imports torch, which takes its time
    from ml.models.network import count_features, new_head

    network = model_catalog.build(MODEL, Inputs(spec.channels, spec.size, 2), pretrained=True)
    # With the head of a training, so that what is traced here need not be traced again there.
    network.head = new_head(count_features(network, spec.channels, spec.size), 2)
    key = features.key_of(MODEL, network, spec.key)
    backbone = Backbone(
        key, spec, feature_graph(network, spec.channels, spec.size, workspace.graphs)
    )
    store_backbone(workspace, backbone)
    return backbone
