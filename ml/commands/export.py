"""``python -m ml export``: a trained classifier as a file for other programs."""

import argparse
import json
from pathlib import Path

from ml.errors import BadInputError
from ml.export.export import export
from ml.export.registry import all_exporters
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, ``--format``, ``--output``, ``--with-run``, ``--force`` and ``--list``."""
    parser.add_argument(
        "model",
        metavar="RUN",
        nargs="?",
        help="a run's id or the start of it, latest, or a model's folder",
    )
    parser.add_argument("--format", metavar="F", help="see: python -m ml export --list")
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="the file to write, or a folder for it"
    )
    parser.add_argument(
        "--with-run", action="store_true", help="write it into the run, where pages offer it"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")
    parser.add_argument("--list", action="store_true", help="the formats there are")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Write the file, and print where it is and how it answers beside the run.

    Raises:
        BadInputError: something is not named, or ``export`` cannot do it.
    """
    if args.list:
        _print_formats(as_json=args.json)
        return
    output = args.output or args.with_run
    arguments = {"RUN": args.model, "--format": args.format, "--output": output}
    if missing := [name for name, value in arguments.items() if not value]:
        raise BadInputError(
            f"{missing[0]} is missing. Such as: "
            "python -m ml export latest --format onnx --output model.onnx"
        )
    result = export(
        workspace,
        args.model,
        args.format,
        None if args.with_run else args.output,
        force=args.force,
        progress=Progress(),
    )
    if args.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    print(result["path"])
    if parity := result["parity"]:
        print(
            f"Answers as the run does on {parity['top1_agreement']:.1%} of {parity['images']:,} "
            f"test pictures; a probability differs by at most "
            f"{parity['max_probability_difference']:.2g}."
        )


def _print_formats(*, as_json: bool) -> None:
    rows = [
        {
            "name": exporter.name,
            "suffix": exporter.suffix,
            "label": exporter.label,
            "help": exporter.help,
            "needs": list(exporter.needs),
            "missing": list(exporter.missing),
        }
        for exporter in all_exporters()
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        missing = f"  (pip install {' '.join(row['missing'])})" if row["missing"] else ""
        print(f"{row['name']:12}  {row['help']}{missing}")
