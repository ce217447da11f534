"""Models: the networks, one module a family, and the registry that names them.

Training them is ``ml.training``.
"""

from ml.models.catalog import all_models, build, get, names, options_of
from ml.models.registry import Inputs, ModelInfo, register

__all__ = ["Inputs", "ModelInfo", "all_models", "build", "get", "names", "options_of", "register"]
