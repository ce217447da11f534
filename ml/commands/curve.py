"""``python -m ml curve``: what more pictures would bring to a run."""

import argparse
import json

from ml.evaluation import learning_curve
from ml.runs.folder import find
from ml.utils.fast_imports import loading
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, which has finished."""
    parser.add_argument("run_id", metavar="RUN", help="a run's id, the start of it, or latest")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Train on parts of the training pictures, and print what more of them would bring."""
    chosen_run = find(workspace, args.run_id)
    curve = None if args.again else learning_curve.read(chosen_run)
    if curve is None:
        with loading():  # torch comes only now
            from ml.evaluation.learning_curve_fit import measure

        curve = measure(workspace, chosen_run, Progress())
    if args.json:
        print(json.dumps(curve, ensure_ascii=False))
        return
    title = learning_curve.accuracy_title(curve).lower()
    print(f"{'training pictures':>18}{title:>22}")
    for point in curve["points"]:
        low, high = point["interval"]
        print(f"{point['train']:18,}{point['accuracy']:14.1%} ({low:.1%} to {high:.1%})")
    draws = f", mean of {curve['draws']} fits" if curve["draws"] > 1 else ""
    print(f"Measured on {curve['pictures']} {learning_curve.pictures_name(curve)}{draws}.")
    print(curve["finding"])
