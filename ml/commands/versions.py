"""``python -m ml versions``: the versions of a data set: list, compare, go back to one."""

import argparse
import json
import time
from itertools import chain
from typing import Any

from ml.commands.edit import print_version
from ml.data import catalog
from ml.data.edits.edits import compare, history, restore
from ml.data.store.versions import load_version
from ml.presets import default_pixels
from ml.workspace import Workspace

MAX_SHOWN_FILES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DATASET, ``--restore`` and ``--compare``."""
    parser.add_argument("dataset", metavar="DATASET", help="a data set's name, or a path")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--restore", type=int, metavar="N", help="make version N the newest again, as a new one"
    )
    what.add_argument(
        "--compare", type=int, nargs=2, metavar=("A", "B"), help="what is different in B"
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """List the versions, or do what was asked."""
    name = catalog.resolve(workspace, args.dataset, pixels_for=default_pixels).name
    if args.restore is not None:
        print_version(workspace, restore(workspace, name, args.restore), as_json=args.json)
    elif args.compare:
        old, new = (load_version(workspace, name, number) for number in args.compare)
        difference = compare(old, new)
        if args.json:
            print(json.dumps(difference, ensure_ascii=False))
        else:
            both = chain(old.items, new.items)
            _print_difference(difference, {item.hash: item.file for item in both})
    else:
        rows = history(workspace, name)
        if args.json:
            print(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["time"] or 0))
            pictures = sum(row["classes"].values())
            counts = f"{pictures:7,} pictures {len(row['classes']):4} classes"
            shown = when if row["time"] else " " * len(when)
            print(f"{row['version']:4}  {shown}  {counts}  {row['change']}".rstrip())


def _print_difference(difference: dict[str, Any], files: dict[str, str]) -> None:
    if not any(difference.values()):
        print("The two have the same pictures, classes and test set.")
    for name, values in difference.items():
        if not values:
            continue
        classes = name.startswith("classes")
        shown = [" -> ".join(value) if isinstance(value, list) else value for value in values]
        if not classes:
            shown = [files[digest] or digest[:12] for digest in values[:MAX_SHOWN_FILES]]
        more = (
            ""
            if classes or len(values) <= MAX_SHOWN_FILES
            else f", and {len(values) - MAX_SHOWN_FILES} more"
        )
        print(f"{name.replace('_', ' ')} ({len(values)}): {', '.join(shown)}{more}")
