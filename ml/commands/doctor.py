"""``python -m ml doctor``: what is wrong with a set of pictures, and how to mend it."""

import argparse
import json
from dataclasses import asdict

from ml.data.catalog import resolve
from ml.doctor.examination import examine
from ml.doctor.registry import kinds
from ml.errors import BadInputError
from ml.presets import default_pixels
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DATASET, or --list."""
    parser.add_argument(
        "dataset", metavar="DATASET", nargs="?", help="a data set's name, or a folder"
    )
    parser.add_argument("--list", action="store_true", help="the kinds of findings there are")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Examine the newest version, keep the findings beside it and print them.

    Raises:
        BadInputError: no data set is named, or there is none of that name.
    """
    if args.list:
        _print_kinds(as_json=args.json)
        return
    if not args.dataset:
        raise BadInputError("Name the data set to examine, such as: python -m ml doctor recycling")
    version = resolve(workspace, args.dataset, pixels_for=default_pixels)
    content = examine(workspace, version, Progress())
    if args.json:
        print(json.dumps({"name": version.name, **content}, ensure_ascii=False))
        return
    if not content["findings"]:
        print(f"{version.name}: the doctor looked at every picture and found nothing to mend.")
    for finding in content["findings"]:
        print(f"{finding['severity']:6}  {finding['title']}")
        print(f"        {finding['why']}")
        print(f"        {finding['advice']}")


def _print_kinds(*, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(kind) for kind in kinds().values()], ensure_ascii=False))
        return
    for kind in kinds().values():
        print(f"{kind.name:16}  {kind.label}")
        print(f"{'':16}  {kind.advice}")
