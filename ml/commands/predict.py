"""``python -m ml predict``: classify pictures, one JSON object a line."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ml.errors import BadInputError
from ml.inference.batch import classify_sources, load_for, sources
from ml.inference.model_folder import find_model
from ml.inference.tables import check_target, heading, line, sorted_into
from ml.utils.csv import csv_of
from ml.utils.files import write_atomically
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, IMAGE..., and what to make of the answers."""
    parser.add_argument(
        "model", metavar="RUN", help="a run's id or the start of it, latest, or a model's folder"
    )
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        type=Path,
        help="a picture, or a folder or zip of pictures",
    )
    parser.add_argument(
        "--top-k", type=int, default=5, metavar="K", help="how many classes to rank (default: 5)"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write the answers as a table, too"
    )
    parser.add_argument(
        "--sort-into",
        type=Path,
        metavar="FOLDER",
        help="copy the pictures into this new folder, in a folder for each class",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    """Print an object for each picture; 0 where at least one could be classified."""
    if args.top_k < 1:
        raise BadInputError(f"--top-k takes a number from 1 on, not {args.top_k}.")
    if args.csv:
        check_target(args.csv, "table")
    folder = find_model(workspace, args.model)
    read, lines = 0, [list[object](heading(args.top_k))]
    with ExitStack() as stack:
        copies = stack.enter_context(sorted_into(args.sort_into)) if args.sort_into else None
        pictures = stack.enter_context(sources(args.images))
        if not pictures:
            raise BadInputError(f"There are no pictures in {args.images[0]}. Name another place.")
        classifier = load_for(folder, len(pictures))
        for picture, answer in zip(
            pictures, classify_sources(classifier, pictures, args.top_k), strict=True
        ):
            print(json.dumps(answer, ensure_ascii=False), flush=True)
            read += answer["error"] is None
            if args.csv:
                lines.append(line(answer))
            if copies and answer["error"] is None:
                copies.put(answer["label"], picture.name, picture.read())
        if not read:
            raise BadInputError("None of these pictures could be read. Each line says why.")
    if args.csv:
        _write(args.csv, csv_of(lines))
    if copies:
        print(f"Sorted into {args.sort_into}: {copies.pictures:,} pictures.", file=sys.stderr)
    return 0


def _write(path: Path, text: str) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(text.encode("utf-8", "backslashreplace"))

    write_atomically(path, write)
