"""The networks, and the registry that names them."""

from ml.models.registry import (
    Inputs,
    ModelInfo,
    all_models,
    build,
    get,
    names,
    options_of,
    register,
)

__all__ = ["Inputs", "ModelInfo", "all_models", "build", "get", "names", "options_of", "register"]
