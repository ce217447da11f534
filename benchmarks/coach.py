"""Recall of the coach: its remarks on real trainings that were made to go wrong in a known way.

    python -m benchmarks.coach [KIND...]

Each kind is trained with SEEDS seeds on some of the bundled grey pictures; what is looked at is the
last remark of each run. Precision and recall are counted over all of them. Scripted curves, many
more of each kind, are in tests/ml/training/coach/test_rules.py. Accuracy of the model is of no
interest here.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from ml.data import catalog
from ml.data.store.versions import DatasetVersion, write_version
from ml.runs.events import Note
from ml.runs.folder import find
from ml.workspace import Workspace, open_workspace

SEEDS = 3
BASE_SETTINGS = {
    "model": "small_cnn",
    "augment": "none",
    "schedule": "constant",
    "weight_decay": 0.0,
}
KINDS: dict[str, dict[str, Any]] = {
    "rate_too_high": {"learning_rate": 3.0, "optimizer": "sgd", "model": "tutorial_net"},
    "rate_too_low": {"learning_rate": 1e-6, "epochs": 6},
    "overfitting": {"epochs": 25, "each": 60, "learning_rate": 3e-3, "model": "tutorial_net"},
    "class_never_predicted": {"epochs": 4, "first": 6, "learning_rate": 3e-4},
    "improving": {"epochs": 4, "learning_rate": 1e-4},
    "too_few_pictures": {"epochs": 15, "each": 14, "learning_rate": 1e-3},
}
"""Settings that provoke each kind; ``each`` is how many pictures of a class, ``first`` of the first
class."""


def part(workspace: Workspace, name: str, each: int, first: int) -> DatasetVersion:
    """Some pictures of the bundled set, of each class so many."""
    full_version = catalog.resolve(workspace, "fashion")
    counts: Counter[int] = Counter()
    items = []
    for item in full_version.items:
        if counts[item.label] < (first if item.label == 0 else each):
            counts[item.label] += 1
            items.append(item)
    return write_version(workspace, name, full_version.classes, tuple(items), full_version.about)


def last_note_code(root: Path, kind: str, seed: int) -> str:
    """The code of the coach's last remark on a run of this kind; empty where there is none."""
    workspace = open_workspace(root)
    settings = {"epochs": 8, **BASE_SETTINGS, **KINDS[kind]}
    each = int(settings.pop("each", 150))
    version = part(workspace, kind.replace("_", "-"), each, int(settings.pop("first", each)))
    words = ["train", "--dataset", version.name, "--set", f"seed={seed}", "--set", "folds=0"]
    for name, value in settings.items():
        words += ["--set", f"{name}={value}"]
    command = [sys.executable, "-m", "ml", *words, "--json", "--workspace", str(root)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if not process.stdout.strip():
        sys.exit(process.stderr[-2000:])
    run = find(workspace, json.loads(process.stdout.splitlines()[-1])["run"], with_model=False)
    notes = [event for event in run.events()[0] if isinstance(event, Note)]
    return notes[-1].code if notes else ""


def main() -> None:
    """Train, and print what was said of what."""
    answers: list[tuple[str, str]] = []
    for kind in sys.argv[1:] or KINDS:
        for seed in range(SEEDS):
            with tempfile.TemporaryDirectory() as name:
                answers.append((kind, last_note_code(Path(name), kind, seed)))
            print(f"{kind}: {answers[-1][1] or 'nothing'}", flush=True)
    right = Counter(kind for kind, answer in answers if kind == answer)
    expected_counts, answer_counts = (
        Counter(kind for kind, _ in answers),
        Counter(answer for _, answer in answers),
    )
    for kind in expected_counts:
        print(
            f"{kind:24} recall {right[kind]}/{expected_counts[kind]}, "
            f"precision {right[kind]}/{answer_counts[kind]}"
        )
    print(f"{sum(right.values())} of {len(answers)} runs were told what was wrong with them")


if __name__ == "__main__":
    main()
