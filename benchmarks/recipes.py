"""Accuracy at equal training time: the article's recipe against our balanced preset.

    python -m benchmarks.recipes ../shared/data/cifar10_5k_train_3k_test [--seeds 3]

The preset comes first and says how long it takes. Then the article's network and optimizer
(``tutorial_net`` with plain SGD, see its preset) train on the same pictures until that time is
over; its best epoch by validation counts. Test pictures choose nothing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ml.runs import folder as runs
from ml.workspace import open_workspace

ENDLESS = 1000


def train(workspace: Path, *settings: str, seconds: float = 0.0) -> tuple[dict[str, Any], float]:
    """What ``python -m ml train`` says, and how long it took. With ``seconds`` it is asked to stop
    after that time."""
    before = {run.id for run in runs.list_runs(open_workspace(workspace))}
    environment = os.environ | {"LENSMITH_WORKSPACE": str(workspace)}
    command = [sys.executable, "-m", "ml", "train", *settings, "--json"]
    began = time.monotonic()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        while seconds and child.poll() is None and time.monotonic() - began < seconds:
            time.sleep(0.1)
        if seconds and child.poll() is None:
            for run in runs.list_runs(open_workspace(workspace)):
                if run.id not in before:
                    (run.folder / "stop").touch()
        out, _ = child.communicate()
    took = time.monotonic() - began
    return json.loads(out.strip().splitlines()[-1]), took


def main() -> None:
    """Print accuracy on the test pictures and seconds of both, by seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("dataset")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    gains = []
    print("seed  recipe    test    validation  epochs  seconds")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        for seed in range(args.seeds):
            common = ["--dataset", args.dataset, "--set", f"seed={seed}"]
            common += ["--set", f"threads={args.threads}"]
            ours, took = train(workspace, *common, "--preset", "balanced")
            print_row(seed, "balanced", ours, took)
            article = ["--model", "tutorial_net", "--epochs", str(ENDLESS)]
            theirs, article_seconds = train(workspace, *common, *article, seconds=took)
            print_row(seed, "article", theirs, article_seconds)
            gains.append(100 * (ours["test"]["accuracy"] - theirs["test"]["accuracy"]))
    print(f"Balanced is ahead by {statistics.median(gains):.1f} points (median of {len(gains)}).")


def print_row(seed: int, recipe: str, result: dict[str, Any], seconds: float) -> None:
    """One line of the table."""
    test, validation = result["test"]["accuracy"], result["validation"]["accuracy"]
    row = f"{seed:4}  {recipe:8}  {test:6.1%}  {validation:10.1%}  {result['epochs']:6}"
    print(f"{row}  {seconds:7.0f}", flush=True)


if __name__ == "__main__":
    main()
