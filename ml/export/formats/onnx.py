"""The format ``onnx``: the very file that Classify serves, with its metadata."""

from pathlib import Path

from ml.data.pixels.pixels import Pixels
from ml.export.registry import ExportSource, exporter
from ml.inference.model_folder import open_session, read_checked, run_outputs
from ml.metrics.report import Logits


def predict(source: ExportSource, path: Path, pixels: Pixels) -> Logits:
    """Logits (n, K) by ONNX Runtime."""
    return run_outputs(open_session(path.read_bytes()), pixels, ("logits",))[0]


@exporter(
    "onnx",
    suffix=".onnx",
    label="ONNX",
    help="The file that Classify serves: ONNX Runtime runs it anywhere, without Lensmith.",
    predict=predict,
)
def write(source: ExportSource, path: Path) -> None:
    """Copy it, checked against its hash.

    Raises:
        BadInputError: it was changed or is damaged.
    """
    path.write_bytes(read_checked(source.folder / "model.onnx", source.manifest))
