"""``python -m ml doctor``: what is wrong with a set of pictures, and how to mend it."""

import argparse
import json

from ml.data.catalog import resolve
from ml.doctor.examine import examine
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DATASET."""
    parser.add_argument("dataset", metavar="DATASET", help="a data set's name, or a folder")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Examine the newest version, keep the findings beside it and print them."""
    version = resolve(workspace, args.dataset)
    told = examine(workspace, version, Progress())
    if args.json:
        print(json.dumps({"name": version.name, **told}, ensure_ascii=False))
        return
    if not told["findings"]:
        print(f"{version.name}: the doctor looked at every picture and found nothing to mend.")
    for finding in told["findings"]:
        print(f"{finding['severity']:6}  {finding['title']}")
        print(f"        {finding['why']}")
        print(f"        {finding['advice']}")
