"""Temperature scaling on pictures that it was not fitted on: over 5 split seeds the negative log
likelihood is never worse, the calibration error is lower in at least 4, and no guess changes.

    python -m benchmarks.calibration DATASET [--epochs N] [--model M] [--set FIELD=VALUE]...

DATASET is a name or a folder, such as the CIFAR-10 pictures. One training a split seed. The
temperature is fitted on its validation pictures; what is counted are its test pictures. Where the
set has a test split of its own, only training and validation change with the seed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ml.metrics import calibration
from ml.utils.files import read_json

SEEDS = 5
MIN_PICTURES_IN_BIN = 4


def train(root: str, words: list[str]) -> Path:
    """The folder of a run that was trained with these arguments."""
    command = [sys.executable, "-m", "ml", "train", *words, "--json", "--workspace", root]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(process.stderr.strip().splitlines()[-1])
    return Path(root) / "runs" / json.loads(process.stdout.splitlines()[-1])["run"]


def measure(folder: Path) -> dict[str, Any]:
    """Likelihood and calibration error before and after, and whether every guess stayed."""
    with np.load(folder / "predictions.npz") as saved:
        logits, labels = saved["logits"], saved["labels"]
    temperature = float(read_json(folder / "model" / "model.json")["temperature"])
    result: dict[str, Any] = {"temperature": temperature, "pictures": len(labels)}
    guesses = []
    for name, divisor in (("before", 1.0), ("after", temperature)):
        probabilities = calibration.softmax(logits, divisor)
        guesses.append(probabilities.argmax(1))
        result[f"loss_{name}"] = calibration.cross_entropy(logits, labels, divisor)
        result[f"ece_{name}"] = calibration.calibration_bins(probabilities, labels)[0]
    result["same"] = bool(np.array_equal(*guesses))
    return result


def main() -> int:
    """Train, measure and print; 1 where a claim does not hold."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    dataset, arguments = sys.argv[1], sys.argv[2:]
    rows = []
    print("seed  test  temperature   loss before   after   ECE before   after   same guesses")
    with tempfile.TemporaryDirectory() as root:
        for seed in range(SEEDS):
            words = ["--dataset", dataset, *arguments, "--set", f"split_seed={seed}"]
            rows.append(row := measure(train(root, words)))
            print(
                f"{seed:4}{row['pictures']:6}{row['temperature']:13.2f}{row['loss_before']:14.4f}"
                f"{row['loss_after']:8.4f}{row['ece_before']:13.3f}{row['ece_after']:8.3f}"
                f"   {'yes' if row['same'] else 'no'}",
                flush=True,
            )
    never = all(row["loss_after"] <= row["loss_before"] for row in rows)
    lower = sum(row["ece_after"] < row["ece_before"] for row in rows)
    same = all(row["same"] for row in rows)
    print(f"Loss never worse: {never}. ECE lower in {lower} of {SEEDS}. Guesses unchanged: {same}.")
    return 0 if never and lower >= MIN_PICTURES_IN_BIN and same else 1


if __name__ == "__main__":
    sys.exit(main())
