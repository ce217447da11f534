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
    parser.add_argument("wanted", metavar="RUN", help="a run's id, the start of it, or latest")
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
    found = find(workspace, args.wanted)
    if found.model is None:
        raise BadInputError(f"Run {found.id} has no model yet, so there is nothing to share.")
    said = page_text.read(found)
    if args.title is not None or args.words is not None:
        title = said.title if args.title is None else args.title
        said = page_text.write(found, title, said.words if args.words is None else args.words)
    where = ""
    if args.out:
        octets = pack(workspace, found, args.out)
        where = f"LENSMITH_WORKSPACE={shlex.quote(str(args.out))} "
    serve = f"{where}LENSMITH_MODE=demo LENSMITH_DEMO={shlex.quote(found.id)} python launch.py"
    address = f"/?classify={found.id}"
    if args.json:
        told = {"run": found.id, "title": said.title, "words": said.words}
        print(json.dumps({**told, "serve": serve, "address": address}, ensure_ascii=False))
        return
    print(said.title)
    if said.words:
        print(said.words)
    if args.out:
        print(f"{args.out}: a workspace with this classifier alone, {size(octets)}")
    print(f"In this app: {address}")
    print(f"Alone, with nothing else of the app within reach: {serve}")
