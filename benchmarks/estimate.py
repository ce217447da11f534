"""Cost estimates of trainings are within a factor 1.5 of the time and 1.3 of the memory, for every
model that fits here.

    python -m benchmarks.estimate [MODEL...]

For each model, two processes on the bundled sets: `ml estimate`, then `ml train` of the same
settings, for a few epochs. Pretrained models are frozen, as the presets have them, where their
weights need no download; all others are trained whole, from scratch. Run it on an idle machine.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ml.models import all_models
from ml.models.registry import ModelInfo
from ml.runs.folder import list_runs
from ml.training.cost import history as cost_history
from ml.workspace import open_workspace

TIME, MEMORY = 1.5, 1.3
MAX_PARAMETERS = 5_000_000
"""Networks with more weights than this are trained for an epoch: minutes, not hours."""


def settings(model: ModelInfo) -> list[str]:
    """The arguments of a training of ``model`` that takes some minutes at most."""
    photos = model.native_size >= 64
    frozen = model.pretrained and not model.download
    words = ["--dataset", "recycling" if photos else "fashion", "--model", model.name]
    if frozen:
        return [*words, "--epochs", "10"]
    words += ["--set", "pretrained=false", "--set", "folds=0"]
    if photos:
        words += ["--set", f"image_size={max(64, model.min_size)}", "--set", "batch_size=16"]
    return [*words, "--epochs", "1" if model.parameters > MAX_PARAMETERS else "4"]


def ml(root: Path, *words: str) -> Any:
    """The JSON of a command; None where it failed, which is told."""
    command = [sys.executable, "-m", "ml", *words, "--json", "--workspace", str(root)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        print(process.stderr.strip().splitlines()[-1])
        return None
    return json.loads(process.stdout.splitlines()[-1])


def factor(expected: float, actual: float) -> float:
    """By how much they differ, at least 1."""
    return max(expected, actual) / max(1e-9, min(expected, actual))


def main() -> int:
    """Measure and print; 1 where an estimate is too far off."""
    model_names, far = sys.argv[1:], 0
    print(
        f"{'model':26}{'expected':>10}{'took':>9}{'factor':>8}{'memory':>10}{'held':>9}{'factor':>8}"
    )
    for model in all_models():
        if model_names and model.name not in model_names:
            continue
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            words = settings(model)
            if ml(root, "estimate", *words) is None or ml(root, "train", *words) is None:
                continue
            record = cost_history.read(list_runs(open_workspace(root))[-1]) or {}
            expected, actual = record["expected"], record["actual"]
            time = factor(expected["seconds"], actual["seconds"])
            memory = factor(expected["memory"], actual["memory"])
            far += time > TIME or memory > MEMORY
            print(
                f"{model.name:26}{expected['seconds']:8.1f} s{actual['seconds']:7.1f} s{time:8.2f}"
                f"{expected['memory'] / 1e9:7.2f} GB{actual['memory'] / 1e9:6.2f} GB{memory:8.2f}",
                flush=True,
            )
    print(f"{far} models beyond {TIME} in time or {MEMORY} in memory")
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
