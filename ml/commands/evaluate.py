"""``python -m ml evaluate``: measure a trained classifier."""

import argparse
import json

from ml.evaluate import evaluate
from ml.progress import Progress
from ml.runs import find
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, ``--dataset`` and ``--split``."""
    parser.add_argument("wanted", metavar="RUN", help="a run's id, the start of it, or latest")
    parser.add_argument(
        "--dataset", metavar="D", help="other pictures than its own: a name or a folder"
    )
    parser.add_argument(
        "--split",
        metavar="S",
        help="train, val, test or all (default: test, and all of other pictures)",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the report, or what matters most of it."""

    found = find(workspace, args.wanted)
    report = evaluate(workspace, found, args.dataset, args.split, Progress())
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return
    low, high = report["intervals"]["accuracy"]
    biggest = report["majority"]
    print(
        f"Accuracy {report['accuracy']:.1%} ({low:.1%} to {high:.1%}) on {report['pictures']} "
        f"{report['split']} pictures of {report['dataset']}. Guessing {biggest['class']}, the "
        f"biggest class, gets {biggest['accuracy']:.1%}."
    )
    for entry in report["per_class"]:
        print(
            f"{entry['class']:24} precision {entry['precision']:6.1%}  recall "
            f"{entry['recall']:6.1%}  F1 {entry['f1']:6.1%}  of {entry['support']}"
        )
    for note in report["notes"]:
        print(note["text"])
