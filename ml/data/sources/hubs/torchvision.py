"""The hub ``torchvision``: its own datasets, found on the disk or downloaded once and kept."""

from pathlib import Path

from ml.data.pixels.parallel import Progress
from ml.data.sources import torchvision_sets
from ml.data.sources.hub_registry import named_source
from ml.data.sources.listing import Listing
from ml.data.sources.torchvision_catalog import SETS, TorchSet
from ml.workspace import Workspace


@named_source(
    "torchvision",
    label="torchvision",
    help="A public set with published results",
    list=lambda: SETS.values(),
)
def load(workspace: Workspace, info: TorchSet, root: Path | None, progress: Progress) -> Listing:
    """As ``ml.data.sources.torchvision_sets.load``."""
    return torchvision_sets.load(workspace, info, root, progress)
