"""``python -m ml evaluate``: measure a trained classifier, or make a report to hand on."""

import argparse
import json
from pathlib import Path

from ml import results
from ml.evaluate import examine
from ml.handout.page import check_place, page, write
from ml.progress import Progress
from ml.results import Results
from ml.runs import Run, find
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, ``--dataset``, ``--split`` and ``--html``."""
    parser.add_argument("wanted", metavar="RUN", help="a run's id, the start of it, or latest")
    parser.add_argument(
        "--dataset", metavar="D", help="other pictures than its own: a name or a folder"
    )
    parser.add_argument(
        "--split",
        metavar="S",
        help="train, val, test or all (default: test, and all of other pictures)",
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write the report as one HTML file, with figures and pictures in it; that of the run "
        "itself is not measured again",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the report, or what matters most of it."""
    if args.html is not None:
        check_place(args.html)
    found = find(workspace, args.wanted)
    answers = _answers(workspace, found, args)
    report = answers.report
    if args.html is not None:
        write(args.html, page(workspace, found, answers))
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
    for note in report.get("notes") or []:
        print(note["text"])
    if args.html is not None:
        print(f"Wrote {args.html}, {args.html.stat().st_size / 1e6:.1f} MB.")


def _answers(workspace: Workspace, run: Run, args: argparse.Namespace) -> Results:
    """What is measured; for a report to hand on on the run's own test pictures, what is kept."""
    own = args.dataset is None and args.split in (None, "test")
    if args.html is not None and own and run.report is not None:
        return results.read(workspace, run)
    return examine(workspace, run, args.dataset, args.split, Progress())
