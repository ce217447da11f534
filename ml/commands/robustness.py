"""``python -m ml robustness``: how well a classifier stands up to spoilt pictures."""

import argparse
import json

from ml.evaluation import robustness
from ml.runs.folder import find
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN..., one or several side by side."""
    parser.add_argument(
        "wanted", metavar="RUN", nargs="+", help="a run's id, the start of it, or latest"
    )
    parser.add_argument("--again", action="store_true", help="measure anew what was measured")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Measure each run and print them beside one another; JSON is a list where there are more."""
    runs = [find(workspace, wanted) for wanted in args.wanted]
    reports, tell = [], Progress()
    for place, chosen in enumerate(runs):

        def progress(fraction: float, place: int = place) -> None:
            tell((place + fraction) / len(runs))

        kept = None if args.again else robustness.read(chosen)
        reports.append(kept or robustness.measure(workspace, chosen, progress))
    if args.json:
        print(json.dumps(reports if len(reports) > 1 else reports[0], ensure_ascii=False))
        return
    print(f"{'':28}" + "".join(f"{one['run'][-12:]:>14}" for one in reports))
    rows = [("As they are", [one["clean"] for one in reports])]
    for number, kind in enumerate(reports[0]["kinds"]):
        rows.append((kind["label"], [one["kinds"][number]["mean"] for one in reports]))
    rows.append(("Mean under corruption", [one["corrupted"] for one in reports]))
    for label, values in rows:
        print(f"{label:28}" + "".join(f"{value:14.1%}" for value in values))
    print(f"Accuracy on {reports[0]['pictures']} test pictures, mean of five strengths.")
    if not robustness.comparable(reports):
        print("They were tested on different pictures: their figures do not compare.")
