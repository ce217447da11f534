"""Robust training raises the mean accuracy under corruptions that it does not know by at least 5
points and costs at most 2 on the pictures as they are.

    python -m benchmarks.robustness DATASET [--epochs N] [--model M] [--set FIELD=VALUE]...

DATASET is a name or a folder, such as the CIFAR-10 pictures. Two runs of the same settings, but for
`augment`, one after the other: the presets' own choice, and `robust`. Without `--epochs` each takes
its preset's, and the robust one twice as many. The corruptions are those of `ml robustness`, on at
most 1,000 test pictures; robust training uses none of them
(tests/ml/data/augment/test_corruptions.py).
"""

import json
import subprocess
import sys
import tempfile
from typing import Any

MIN_ROBUSTNESS_GAIN, MAX_ACCURACY_LOSS = 0.05, 0.02


def ml(root: str, *words: str) -> Any:
    """The JSON of a command."""
    command = [sys.executable, "-m", "ml", *words, "--json", "--workspace", root]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(process.stderr.strip().splitlines()[-1])
    return json.loads(process.stdout.splitlines()[-1])


def main() -> int:
    """Train twice, measure and print; 1 where the claim does not hold."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    dataset, arguments = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as root:
        reports = []
        for extra in ([], ["--set", "augment=robust"]):
            run = ml(root, "train", "--dataset", dataset, *arguments, *extra)
            reports.append(ml(root, "robustness", run["run"]))
            print(f"{run['epochs']} epochs, {run['seconds']:.0f} s", flush=True)
    plain, robust = reports
    rows = [("as they are", plain["clean"], robust["clean"])]
    for before, after in zip(plain["kinds"], robust["kinds"], strict=True):
        rows.append((before["label"], before["mean"], after["mean"]))
    rows.append(("mean under corruption", plain["corrupted"], robust["corrupted"]))
    print(f"{'':24}{'preset':>8}{'robust':>8}   n = {plain['pictures']}")
    for label, before, after in rows:
        print(f"{label:24}{before:8.1%}{after:8.1%}{100 * (after - before):+8.1f}")
    gained = robust["corrupted"] - plain["corrupted"]
    return (
        0
        if gained >= MIN_ROBUSTNESS_GAIN and robust["clean"] >= plain["clean"] - MAX_ACCURACY_LOSS
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
