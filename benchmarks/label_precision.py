"""Stated against actual precision of "labels that may be wrong", over repeated draws of real sets.

    python -m benchmarks.label_precision DATA [--splits 20] [--pictures 400]

DATA holds ``hymenoptera_data``, ``trashnet_256``, ``cifar10_5k_train_3k_test``,
``chest_xray_224`` and ``sign_language_digits``; Fashion-MNIST comes with Lensmith. Each split draws
pictures, turns a share of their labels (to any other class, or to the likeliest other), and lets
the check say how many of its suspects are wrong. A suspect that nobody turned counts as right: what
is wrong in the sets themselves makes the stated figure look too high.

The prior of ``ml.doctor.label_noise`` and the limits of the check were chosen on ``CHOSEN_ON``.
That labels may be turned to the likeliest other class was added after the others had been seen too.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks import planting
from ml.data.ingest.bring_in import bring_in
from ml.data.sources.folders import BUNDLED
from ml.doctor import logistic_regression
from ml.doctor.check_context import CheckContext
from ml.doctor.checks.labels import suspects
from ml.doctor.label_noise import suspect_precision
from ml.workspace import Workspace, open_workspace

SOURCES = {
    "ants and bees": "hymenoptera_data/train", "trashnet": "trashnet_256",
    "cifar": "cifar10_5k_train_3k_test/train", "x-rays": "chest_xray_224/train",
    "hands": "sign_language_digits/Dataset",
}  # fmt: skip
CHOSEN_ON = ("ants and bees", "trashnet", "cifar")
MAX_PICTURES = 1500
RATES = (0.0, 0.02, 0.05, 0.1)

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def inputs_of(workspace: Workspace, data: Path, folder: Path) -> dict[str, tuple[Floats, Labels]]:
    """The columns of the doctor's classifier and the labels of every set."""
    inputs = {}
    for name, source in SOURCES.items():
        classes = sum(path.is_dir() for path in (data / source).iterdir())
        into = folder / f"precision-{name.replace(' ', '-')}"
        planting.copy_classes(data / source, into, MAX_PICTURES // classes, 0, sides=False)
        context = CheckContext(workspace, bring_in(workspace, into, into.name).version)
        inputs[name] = (context.classifier_inputs, context.labels)
    context = CheckContext(workspace, bring_in(workspace, BUNDLED / "fashion").version)
    drawn = np.random.default_rng(0).permutation(len(context.labels))[:MAX_PICTURES]
    inputs["fashion"] = (context.classifier_inputs[drawn], context.labels[drawn])
    return inputs


def turned_labels(
    columns: Floats, labels: Labels, rate: float, chance: np.random.Generator, *, alike: bool
) -> Labels:
    """The labels with a share turned: to any other class, or ``alike``, to the likeliest other."""
    classes, turned = int(labels.max()) + 1, labels.copy()
    chosen = chance.permutation(len(labels))[: round(rate * len(labels))]
    if not alike or not len(chosen):
        turned[chosen] = (labels[chosen] + chance.integers(1, classes, len(chosen))) % classes
        return turned
    others = logistic_regression.out_of_fold(columns, labels, np.arange(len(labels)), classes)
    others[np.arange(len(labels)), labels] = -1
    turned[chosen] = others[chosen].argmax(1)
    return turned


def measure(
    name: str, columns: Floats, labels: Labels, splits: int, pictures: int, *, alike: bool
) -> None:
    """Print a line a rate: mean suspects, actual and stated precision, how often it is inside."""
    for rate in RATES:
        rows = []
        for split in range(splits):
            chance = np.random.default_rng([split, round(1000 * rate)])
            drawn = chance.permutation(len(labels))[:pictures]
            right = labels[drawn]
            given = turned_labels(columns[drawn], right, rate, chance, alike=alike)
            probabilities = logistic_regression.out_of_fold(
                columns[drawn], given, np.arange(len(drawn)), int(labels.max()) + 1
            )
            suspected, _ = suspects(probabilities, given)
            if len(suspected):
                actual = float((given != right)[suspected].mean())
                rows.append(
                    (len(suspected), actual, *suspect_precision(probabilities, given, suspected))
                )
        table = np.array(rows).reshape(-1, 5)
        _print_row(f"{name}{' *' * (name in CHOSEN_ON)}", rate, table, alike=alike)


def _print_row(name: str, rate: float, table: npt.NDArray[np.float64], *, alike: bool) -> None:
    """``table`` (splits, 5): suspects, actual and stated precision, bounds of its interval."""
    if not len(table):
        print(f"{name:15} {'alike' if alike else 'any':6} {rate:5.0%}      0", flush=True)
        return
    inside = (table[:, 3] - 1e-9 <= table[:, 1]) & (table[:, 1] <= table[:, 4] + 1e-9)
    number, actual, stated = table[:, :3].mean(0)
    print(
        f"{name:15} {'alike' if alike else 'any':6} {rate:5.0%} {len(table):6} {number:9.1f} "
        f"{actual:7.2f} {stated:7.2f} {inside.mean():7.2f}",
        flush=True,
    )


def main() -> None:
    """Measure every set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1):
        folder = Path(temporary)
        inputs = inputs_of(open_workspace(folder / "workspace"), args.data, folder)
        print("set (* chosen)  turned  rate splits  suspects  actual  stated  inside (of 0.90)")
        for alike in (False, True):
            for name in sorted(inputs, key=lambda one: one not in CHOSEN_ON):
                measure(name, *inputs[name], args.splits, args.pictures, alike=alike)


if __name__ == "__main__":
    main()
