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
        "run_id", metavar="RUN", nargs="+", help="a run's id, the start of it, or latest"
    )
    parser.add_argument("--again", action="store_true", help="measure anew what was measured")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Measure each run and print them beside one another; JSON is a list where there are more."""
    runs = [find(workspace, run_id) for run_id in args.run_id]
    reports, report_progress = [], Progress()
    for index, chosen_run in enumerate(runs):

        def progress(fraction: float, index: int = index) -> None:
            report_progress((index + fraction) / len(runs))

        stored = None if args.again else robustness.read(chosen_run)
        reports.append(stored or robustness.measure(workspace, chosen_run, progress))
    if args.json:
        print(json.dumps(reports if len(reports) > 1 else reports[0], ensure_ascii=False))
        return
    print(f"{'':28}" + "".join(f"{report['run'][-12:]:>14}" for report in reports))
    rows = [("As they are", [report["clean"] for report in reports])]
    for kind_number, kind in enumerate(reports[0]["kinds"]):
        rows.append((kind["label"], [report["kinds"][kind_number]["mean"] for report in reports]))
    rows.append(("Mean under corruption", [report["corrupted"] for report in reports]))
    for label, values in rows:
        print(f"{label:28}" + "".join(f"{value:14.1%}" for value in values))
    print(f"Accuracy on {reports[0]['pictures']} test pictures, mean of five strengths.")
    if not robustness.comparable(reports):
        print("They were tested on different pictures: their figures do not compare.")
