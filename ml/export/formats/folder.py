"""The format ``folder``: the model folder as a zip, which ``python -m ml predict`` takes."""

import tempfile
import zipfile
from pathlib import Path

from ml.data.pixels.pixels import Pixels
from ml.export.registry import ExportSource, exporter
from ml.inference.model_folder import (
    open_session,
    read_checked,
    read_manifest,
    run_outputs,
    unpack_model,
)
from ml.metrics.report import Logits


def predict(source: ExportSource, path: Path, pixels: Pixels) -> Logits:
    """Logits (n, K) by ONNX Runtime, from the file in the zip."""
    with tempfile.TemporaryDirectory() as place:
        folder = unpack_model(path, Path(place) / "model")
        model = read_checked(folder / "model.onnx", read_manifest(folder))
    return run_outputs(open_session(model), pixels, ("logits",))[0]


@exporter(
    "folder",
    suffix=".zip",
    label="Model folder",
    help="All of the model, calibration and known pictures too: python -m ml predict takes it.",
    predict=predict,
)
def write(source: ExportSource, path: Path) -> None:
    """Pack the files that ``model.json`` names, each checked against its hash, and itself.

    Raises:
        BadInputError: a file is missing, was changed or is damaged.
    """
    top = str(source.manifest["run"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(source.manifest["sha256"]):
            archive.writestr(f"{top}/{name}", read_checked(source.folder / name, source.manifest))
        archive.write(source.folder / "model.json", f"{top}/model.json")
