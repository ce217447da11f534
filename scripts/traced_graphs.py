"""Trace the default networks anew, for ``ml/export/traced/``: run it where their code has changed.

    python scripts/traced_graphs.py

A test says when it is due.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from ml.export.graph import SHIPPED, ship_graph
from ml.models import Inputs, build
from ml.models.network import Network, count_features, new_head
from ml.presets import CLOSER_LOOK, DEFAULT_FROZEN_MODEL

NETWORKS = (
    (DEFAULT_FROZEN_MODEL, 3, 224),
    (DEFAULT_FROZEN_MODEL, 3, CLOSER_LOOK),
    ("small_cnn", 1, 28),
)
"""Model, channels and side in px of what most people train first."""


def network_of(name: str, channels: int, size: int, classes: int) -> Network:
    """The network as a training has it, with any weights."""
    network = build(name, Inputs(channels, size, classes), pretrained=False)
    if name == DEFAULT_FROZEN_MODEL:  # with the head that a frozen network gets
        network.head = new_head(count_features(network, channels, size), classes)
    return network


def main() -> None:
    """Replace all of them."""
    for old in SHIPPED.glob("*.onnx"):
        old.unlink()
    for name, channels, size in NETWORKS:
        network = network_of(name, channels, size, classes=2)
        print(f"{name} at {size} px: {ship_graph(network, channels, size).name}")


if __name__ == "__main__":
    main()
