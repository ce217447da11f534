"""EfficientNet-Lite0 with its published weights for the peers on torch; of Lensmith, only the file
that defines its layers.
"""

import importlib.util
from pathlib import Path

import torch
from torch import nn

LITE = Path(__file__).resolve().parent.parent / "ml" / "models" / "layers" / "lite.py"


def lite0(weights: Path) -> nn.Sequential:
    """Pictures (N, 3, S, S) to features (N, 1280)."""
    about = importlib.util.spec_from_file_location("lite", LITE)
    assert about is not None
    assert about.loader is not None
    module = importlib.util.module_from_spec(about)
    about.loader.exec_module(module)
    body = module.LiteBody()
    state = torch.load(weights, weights_only=True, map_location="cpu")
    body.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc.")})
    return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten())
