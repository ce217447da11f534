"""The format ``safetensors``: the weights alone, for programs that build the network themselves.

The file is the length of a header (8 bytes, little endian), the header (JSON: dtype, shape and
place of each tensor) and the tensors one after another:
https://huggingface.co/docs/safetensors/index#format
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml import __version__
from ml.data.pixels.pixels import Pixels, PixelSpec
from ml.errors import BadInputError
from ml.export.registry import ExportSource, exporter
from ml.metrics.report import Logits

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
ALIGNMENT = 8
"""Tensors begin at a multiple of so many bytes."""
BATCH = 16


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"], metadata: dict[str, str]) -> None:
    """Write ``tensors``, on the CPU, with ``metadata``."""
    import torch

    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    contents = []
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name].detach().cpu().contiguous()
        data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
        place = [end, end + len(data)]
        header[name] = {"dtype": dtype, "shape": [*tensor.shape], "data_offsets": place}
        end += len(data)
        contents.append(data)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        file.writelines(contents)


def read_tensors(path: Path) -> dict[str, "Tensor"]:
    """What ``write_tensors`` wrote."""
    import torch

    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    names = {short: long for long, short in DTYPES.items()}
    tensors = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        start, end = (8 + length + place for place in about["data_offsets"])
        octets = torch.empty(0, dtype=torch.uint8)
        if end > start:
            octets = torch.frombuffer(bytearray(content[start:end]), dtype=torch.uint8)
        dtype = getattr(torch, names[about["dtype"]])
        tensors[name] = octets.view(dtype).reshape(about["shape"])
    return tensors


def predict(source: ExportSource, path: Path, pixels: Pixels) -> Logits:
    """Logits (n, K) by torch: a new network of the run's model with the weights in the file.

    Raises:
        BadInputError: the file does not hold the weights of that network.
    """
    import torch

    from ml.models import Inputs, build, options_of

    assert source.run is not None, "parity is measured for runs"
    config = source.run.config
    spec = PixelSpec.from_json(source.manifest["pixels"])
    inputs = Inputs(spec.channels, spec.size, len(source.manifest["classes"]))
    network = build(config.model, inputs, pretrained=False, **options_of(config))
    tensors = read_tensors(path)
    network.head = _head_of(tensors) or network.head
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadInputError(f"{path.name} holds the weights of another network.") from error
    network.eval()
    parts = [np.empty((0, inputs.classes), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH):
            batch = torch.from_numpy(np.array(pixels[start : start + BATCH]))
            parts.append(network(batch).float().numpy())
    return np.concatenate(parts)


def _head_of(tensors: Mapping[str, "Tensor"]) -> "Module | None":
    """The head of a network that a training gave it, by the names of its tensors; None where the
    network has the head that its model comes with."""
    from torch import nn

    from ml.models.network import HEAD_DROPOUT, new_head

    shapes = {name: (*one.shape,) for name, one in tensors.items() if name.startswith("head.")}
    if "head.0.mean" in shapes:  # on a frozen network
        classes, width = shapes["head.2.weight"]
        return new_head(width, classes)
    if shapes.keys() == {"head.1.weight", "head.1.bias"}:  # unfrozen bit by bit
        classes, width = shapes["head.1.weight"]
        return nn.Sequential(nn.Dropout(HEAD_DROPOUT), nn.Linear(width, classes))
    return None


@exporter(
    "safetensors",
    suffix=".safetensors",
    label="safetensors",
    help="The weights alone, under the names that they have in torch, without code.",
    predict=predict,
)
def write(source: ExportSource, path: Path) -> None:
    """Write the weights of the model folder, with the model and its classes as metadata.

    Raises:
        BadInputError: they are missing, changed or damaged.
    """
    from ml.export.weights import read_weights

    classes = json.dumps(source.manifest["classes"], ensure_ascii=False)
    about = {"format": "pt", "model": str(source.manifest["model"]), "classes": classes}
    write_tensors(path, read_weights(source.folder), about | {"lensmith": __version__})
