"""Weights file: the state dict of a network as a file that cannot run code."""

from pathlib import Path

import torch

from ml.errors import BadInputError
from ml.inference.model_folder import read_manifest
from ml.models.network import Network
from ml.utils.files import sha256_of, write_atomically

FILE = "weights.pt"


def save_weights(network: Network, path: Path) -> None:
    """Write the state dictionary of ``network``, on the CPU.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    write_atomically(path, lambda file: torch.save(state, file))


def load_weights(network: Network, folder: Path) -> None:
    """Load the weights in a model folder into ``network``, after a check of their hash.

    Raises:
        BadInputError: they are missing, changed or damaged, or are those of another network.
    """
    try:
        network.load_state_dict(read_weights(folder))
    except RuntimeError as error:
        raise BadInputError(f"{folder / FILE} holds the weights of another network.") from error


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights in a model folder by name, after a check of their hash.

    Raises:
        BadInputError: they are missing, changed or damaged.
    """
    path = folder / FILE
    expected = read_manifest(folder)["sha256"].get(FILE)
    if not path.is_file() or sha256_of(path) != expected:
        raise BadInputError(
            f"{path} is missing, was changed or is damaged, so it is not used. Train again."
        )
    try:
        weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that holds code, or nothing that torch can read
        raise BadInputError(
            f"{path} holds no weights that can be read safely, so it is not used. Train again."
        ) from error
    return weights
