"""``python -m ml share``: what the page for others says, and how to serve it."""

import argparse
import json
import shlex
from pathlib import Path

from ml.errors import BadInputError
from ml.runs.folder import find
from ml.sharing import page_text
from ml.sharing.bundle import pack
from ml.text.format import size
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, ``--title``, ``--words`` and ``--out``."""
    parser.add_argument("run_id", metavar="RUN", help="a run's id, the start of it, or latest")
    parser.add_argument("--title", help="the title of the page (otherwise as it is)")
    parser.add_argument("--words", help="what the page says under it (otherwise as it is)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="make a workspace there with this classifier alone, to put on a server",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Write what was given, and print what there is and what to type."""
    chosen_run = find(workspace, args.run_id)
    if chosen_run.model is None:
        raise BadInputError(f"Run {chosen_run.id} has no model yet, so there is nothing to share.")
    text = page_text.read(chosen_run)
    if args.title is not None or args.words is not None:
        title = text.title if args.title is None else args.title
        text = page_text.write(chosen_run, title, text.words if args.words is None else args.words)
    variable = ""
    if args.out:
        octets = pack(workspace, chosen_run, args.out)
        variable = f"LENSMITH_WORKSPACE={shlex.quote(str(args.out))} "
    serve = (
        f"{variable}LENSMITH_MODE=demo LENSMITH_DEMO={shlex.quote(chosen_run.id)} python launch.py"
    )
    address = f"/?classify={chosen_run.id}"
    if args.json:
        output = {"run": chosen_run.id, "title": text.title, "words": text.words}
        print(json.dumps({**output, "serve": serve, "address": address}, ensure_ascii=False))
        return
    print(text.title)
    if text.words:
        print(text.words)
    if args.out:
        print(f"{args.out}: a workspace with this classifier alone, {size(octets)}")
    print(f"In this app: {address}")
    print(f"Alone, with nothing else of the app within reach: {serve}")
