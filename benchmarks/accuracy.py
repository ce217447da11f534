"""Leaderboard: accuracy by default against logistic regression, fastai and AutoGluon.

    python -m benchmarks.accuracy DIR... [--seeds 5] [--limit 300,600] [--side 48]
        [--preset balanced] [--group number] [--json PATH]

A DIR is any source that Lensmith brings in: class folders, ``train/`` beside ``val/`` or ``test/``,
IDX files. Each seed draws ``--limit`` training pictures, stratified, and tests on others (a test
folder, or the rest, at most ``--max-test``); identical files, and pictures of one group, stay on
one side. All methods see exactly the same pictures:

- default: ``python -m ml train`` in a new workspace and a process of its own. The seconds include
  everything but tracing the network, which a computer does once;
- reference: scikit-learn's logistic regression on the features of the default network at 224 px, C
  by 5-fold log loss, on the pictures that the default trains on, without its validation pictures;
- train + val: the same on all drawn pictures;
- fastai and AutoGluon where they are installed beside Lensmith, with their own defaults, on all
  drawn pictures.

Differences are paired by seed, with the standard error of their mean. The exit status is 1 where
the default is below the reference on a set by more than that error, is not above it on the mean of
all sets, or varies more between seeds.
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from benchmarks.accuracy_peers import PEERS, peer_accuracy
from benchmarks.drawing import Source, draw, open_source, write_folders
from ml.data.splits.stratified import stratified_group_folds
from ml.data.store.versions import DatasetVersion, load_version
from ml.doctor.features import features_of
from ml.runs.folder import find
from ml.workspace import Workspace, open_workspace

FOLDS = 5
STRENGTHS = np.logspace(-4, 2, 10)
"""The values of C."""
MAX_ITERATIONS = 500


@dataclass(frozen=True)
class Trial:
    """One seed: test accuracies from 0 to 1, and seconds of the default (wall and CPU)."""

    seed: int
    model: str
    train: int
    test: int
    default: float
    reference: float
    reference_with_val: float
    seconds: float
    cpu_seconds: float
    peers: dict[str, float | str]


@dataclass(frozen=True)
class Row:
    """One set with one limit: its trials, and their differences in points."""

    name: str
    trials: list[Trial]

    def values(self, method: str) -> list[float]:
        """The accuracies of ``default``, ``reference`` or ``reference_with_val`` in percent."""
        return [100 * float(getattr(one, method)) for one in self.trials]

    def difference(self, method: str) -> tuple[float, float]:
        """Default minus ``method``: the mean over the seeds and its standard error."""
        pairs = zip(self.values("default"), self.values(method), strict=True)
        differences = [ours - theirs for ours, theirs in pairs]
        error = deviation(differences) / math.sqrt(len(differences))
        return statistics.fmean(differences), error


def deviation(values: list[float]) -> float:
    """The standard deviation; 0 of a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def train_default(
    data: Path, folder: Path, preset: str, seed: int
) -> tuple[dict[str, Any], float, float]:
    """The result of a training with the default settings, its seconds and its CPU seconds."""
    command = [sys.executable, "-m", "ml", "train", "--dataset", str(data), "--json"]
    command += ["--workspace", str(folder), "--preset", preset]
    command += ["--set", f"seed={seed}", "--set", f"split_seed={seed}"]
    before, began = _children_cpu(), time.monotonic()
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, cpu_seconds = time.monotonic() - began, _children_cpu() - before
    if process.returncode:
        raise RuntimeError(f"The training failed: {process.stderr[-2000:]}")
    return json.loads(process.stdout.splitlines()[-1]), seconds, cpu_seconds


def _children_cpu() -> float:
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def regression_accuracy(
    features: np.ndarray, version: DatasetVersion, train: np.ndarray, test: np.ndarray
) -> float:
    """Test accuracy of scikit-learn's logistic regression, C by 5-fold log loss.

    Args:
        features: (items, F).
        train, test: item indices, int64 (n,).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegressionCV

    labels, place = version.labels, {item: row for row, item in enumerate(train.tolist())}
    parts = stratified_group_folds(version.items, train, FOLDS, seed=0)
    held_out = [np.array([place[item] for item in part.tolist()]) for part in parts]
    folds = [(np.setdiff1d(np.arange(len(train)), rows), rows) for rows in held_out]
    model = LogisticRegressionCV(
        Cs=STRENGTHS, cv=folds, scoring="neg_log_loss", max_iter=MAX_ITERATIONS
    )
    learned, judged = _rotated(features[train], features[test])
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the largest C, never the best
        model.fit(learned, labels[train])
    return float((model.predict(judged) == labels[test]).mean())


def _rotated(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same pictures on the axes that the training features span, where these are fewer.

    An L2 penalty does not change under rotation, and the weights lie in that span: the solution is
    the same, in a fraction of the time.
    """
    if len(train) >= train.shape[1]:
        return train, test
    axes = np.linalg.svd(train.astype(np.float64), full_matrices=False)[2]
    return train @ axes.T, test @ axes.T


def trial(source: Source, limit: int, seed: int, args: argparse.Namespace, graphs: Path) -> Trial:
    """Draw pictures, train on them in a new workspace, and compare."""
    drawn = draw(source, limit, args.max_test, seed)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "pictures"
        write_folders(source, drawn, data, args.side)
        workspace = open_workspace(Path(name) / "workspace")
        shutil.copytree(graphs, workspace.graphs, dirs_exist_ok=True)
        report, seconds, cpu_seconds = train_default(
            data, workspace.root, preset=args.preset, seed=seed
        )
        accuracies, counts = _references(workspace, report["run"])
        shutil.copytree(workspace.graphs, graphs, dirs_exist_ok=True)
        peers = {peer: peer_accuracy(peer, data) for peer in PEERS if args.peers}
        return Trial(
            seed=seed,
            model=find(workspace, report["run"]).config.model,
            train=counts[0],
            test=counts[1],
            default=report["test"]["accuracy"],
            reference=accuracies[0],
            reference_with_val=accuracies[1],
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            peers=peers,
        )


def _references(workspace: Workspace, run_id: str) -> tuple[list[float], tuple[int, int]]:
    """The accuracy without and with the validation pictures of a run; training and test counts."""
    record = find(workspace, run_id).dataset
    version = load_version(workspace, record["name"], record["version"])
    train, val, test = (
        np.array(record["splits"][split], np.int64) for split in ("train", "val", "test")
    )
    features, pool = features_of(workspace, version), np.sort(np.concatenate([train, val]))
    accuracies = [regression_accuracy(features, version, part, test) for part in (train, pool)]
    return accuracies, (len(pool), len(test))


def print_row(row: Row) -> None:
    """One line of the table, and one for each peer."""
    cells = [f"{row.name:28.28}", f"{row.trials[0].train:6}"]
    for method in ("default", "reference", "reference_with_val"):
        values = row.values(method)
        cells.append(f"{statistics.fmean(values):5.1f} +- {deviation(values):3.1f}")
    for method in ("reference", "reference_with_val"):
        mean, error = row.difference(method)
        cells.append(f"{mean:+5.1f} +- {error:3.1f}")
    seconds = statistics.median(one.seconds for one in row.trials)
    cpu_seconds = statistics.median(one.cpu_seconds for one in row.trials)
    cells += [f"{seconds:6.1f}", f"{cpu_seconds:6.1f}"]
    print("  ".join(cells), ", ".join(sorted({one.model for one in row.trials})), flush=True)
    for peer in row.trials[0].peers:
        results = [one.peers[peer] for one in row.trials]
        values = [100 * one for one in results if not isinstance(one, str)]
        reasons = sorted({one for one in results if isinstance(one, str)})
        said = [f"{statistics.fmean(values):.1f} +- {deviation(values):.1f}"] if values else []
        print(f"    {peer}: {'; '.join(said + reasons)}", flush=True)


def verdict(rows: list[Row]) -> int:
    """Print whether the goal holds; 1 where it does not."""
    differences = {row.name: row.difference("reference") for row in rows}
    worst = min(differences, key=lambda name: differences[name][0])
    mean = statistics.fmean(value for value, _ in differences.values())
    below = [name for name, (value, error) in differences.items() if value < -error]
    spread = [
        math.sqrt(statistics.fmean(deviation(row.values(method)) ** 2 for row in rows))
        for method in ("default", "reference")
    ]
    freedom = sum(len(row.trials) - 1 for row in rows)
    spread_error = spread[1] / math.sqrt(2 * freedom) if freedom else 0.0
    faults = [f"below the reference on {', '.join(below)}"] if below else []
    faults += ["not above it on the mean"] if mean <= 0 else []
    faults += ["spread between seeds larger"] if spread[0] > spread[1] + spread_error else []
    print(f"Spread between seeds: default {spread[0]:.2f}, reference {spread[1]:.2f} points.")
    print(
        f"Worst set {worst} ({differences[worst][0]:+.1f} points), mean difference {mean:+.2f}: "
        f"{'; '.join(faults) if faults else 'the goal holds'}."
    )
    return 1 if faults else 0


def parsed() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--limit", default="0", help="training pictures, 300,600 for two rows")
    parser.add_argument("--max-test", type=int, default=1500)
    parser.add_argument("--side", type=int, default=0, help="px that the pictures are brought to")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--group", default="", help="folder, number or name:REGEX")
    parser.add_argument("--no-peers", action="store_false", dest="peers")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> int:
    """Print a row as soon as it is measured; 1 where the goal does not hold."""
    args, rows = parsed(), list[Row]()
    print(
        f"{'set':28}  {'n':>6}  {'default':11}  {'reference':11}  {'train + val':11}  "
        f"{'to ref.':12}  {'to t. + v.':12}  {'sec.':>6}  {'CPU s':>6} model"
    )
    with tempfile.TemporaryDirectory() as name:
        for path in args.data:
            source = open_source(path.resolve(), args.group)
            for limit in [int(part) for part in args.limit.split(",")]:
                seeds = range(args.seeds)
                trials = [trial(source, limit, seed, args, Path(name)) for seed in seeds]
                size = f" at {args.side} px" if args.side else ""
                rows.append(Row(f"{source.name}{size} {limit or ''}".strip(), trials))
                print_row(rows[-1])
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return verdict(rows)


if __name__ == "__main__":
    sys.exit(main())
