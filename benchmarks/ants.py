"""Ants and bees, 5 seeds: accuracy on the set's own val/ folder against scikit-learn's logistic
regression on the same features, and seconds, first with everything to do and then with it kept.

    python -m benchmarks.ants ../shared/data/hymenoptera_data [--seeds 5] [--set field=value]...

A seed is that of the training and of the split of train/; val/ chooses nothing.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ml.features.cache import FeatureStore
from ml.runs.folder import list_runs
from ml.workspace import open_workspace


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        workspace = open_workspace(Path(name))
        ours, seconds = [], []
        for seed in range(args.seeds):
            settings = [*args.settings, f"seed={seed}", f"split_seed={seed}"]
            command = [sys.executable, "-m", "ml", "train", "--dataset", str(args.data), "--json"]
            command += ["--workspace", name]
            command += [part for one in settings for part in ("--set", one)]
            began = time.monotonic()
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            seconds.append(time.monotonic() - began)
            report: dict[str, Any] = json.loads(out.splitlines()[-1])
            ours.append(report["test"]["accuracy"])
        theirs = [regression(workspace, run) for run in list_runs(workspace)]
    print(f"val/ accuracy, mean of {args.seeds} seeds: ours {statistics.fmean(ours):.4f} {ours}")
    print(f"logistic regression on the same features: {statistics.fmean(theirs):.4f}")
    print(
        f"first {seconds[0]:.1f} s, then median {statistics.median(seconds[1:] or seconds):.1f} s"
    )


def regression(workspace: Any, run: Any) -> float:
    """Scikit-learn's score on the pictures of a run, with its own defaults."""
    from sklearn.linear_model import LogisticRegression

    from ml.data.store.versions import load_version

    version = load_version(workspace, run.dataset["name"], run.dataset["version"])
    (folder,) = workspace.features.glob("*/view-0")
    store = FeatureStore(folder)
    sides = {}
    for side in ("train", "test"):
        chosen = [version.items[n] for n in run.dataset["splits"][side]]
        sides[side] = store.get([one.hash for one in chosen]), [one.label for one in chosen]
    return float(LogisticRegression(max_iter=5000).fit(*sides["train"]).score(*sides["test"]))


if __name__ == "__main__":
    main()
