"""``python -m ml``: everything that the pages do, from a shell.

Each sub-command is one module of ``ml.commands`` with ``add_arguments(parser)`` and
``run(args, workspace) -> int | None``. Only the module of the given command is imported, so that
``runs`` need not wait for torch. With ``--json`` the last line of standard output is one JSON
value; progress and logs go to standard error. Exit codes: 0 done, 2 bad input, 1 failed, 130
stopped.
"""

import argparse
import importlib
import io
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from ml import __version__
from ml.errors import BadInputError, MLError
from ml.hardware import end_with_parent, limit_memory, limit_of_child
from ml.models.plugins import discovery as plugins
from ml.utils import environment
from ml.utils.files import explain_os_error
from ml.workspace import open_workspace

COMMANDS = {
    "datasets": "list the data sets: bundled and your own",
    "models": "list the models that can be trained",
    "runs": "list the runs with their status and figures",
    "ingest": "bring pictures into the workspace",
    "edit": "change a data set: relabel, exclude, merge classes, split by group",
    "versions": "list the versions of a data set, compare them, go back to one",
    "doctor": "find what is wrong with a data set, and how to mend it",
    "map": "draw a map on which pictures that look alike lie together",
    "estimate": "measure in a few seconds what a training would take",
    "instant": "guess each picture by the others, with a head on kept features",
    "train": "train a classifier, or go on with one",
    "tune": "search better settings, a learning rate or the largest batch",
    "evaluate": "measure a trained classifier",
    "curve": "measure what more training pictures would bring",
    "robustness": "measure a classifier on worse pictures: noise, blur, turned, covered",
    "predict": "classify pictures",
    "export": "write a trained classifier as a file for other programs",
    "share": "say what the page for others shows of a classifier, and how to serve it",
    "worker": "serve predictions to the pages (started by them)",
}


class Parser(argparse.ArgumentParser):
    """An argument parser with one-line error messages."""

    def error(self, message: str) -> NoReturn:
        """Print ``message`` and where to read more, and exit with 2."""
        self.exit(2, f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help\n")


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands, with the arguments of ``command`` alone."""
    parser = Parser(prog="python -m ml", description=__doc__.split("\n")[0])
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=help_text, description=help_text)
        subparser.add_argument(
            "--json", action="store_true", help="print one JSON value at the end"
        )
        subparser.add_argument("--workspace", metavar="DIR", help="where everything is kept")
        subparser.add_argument(
            "--verbose", action="store_true", help="show the traceback of an error"
        )
        if name == command:
            module = importlib.import_module(f"ml.commands.{name}")
            module.add_arguments(subparser)
            subparser.set_defaults(run_command=module.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in words if not word.startswith("-")), None)
    args = make_parser(command).parse_args(words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # any file name can be printed, on any system
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    end_with_parent()
    limit = limit_of_child()
    if limit:
        limit_memory(limit)
    try:
        environment.check()
        workspace = open_workspace(args.workspace)
        plugins.use_workspace(workspace)
        code = args.run_command(args, workspace) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader closed the pipe; the flush at exit must not fail, too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except MLError as error:
        if args.verbose:
            logging.exception("traceback")
        print(str(error), file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print(_out_of_memory(limit), file=sys.stderr)
        return 1
    except OSError as error:
        if args.verbose:
            logging.exception("traceback")
        if isinstance(error, FileNotFoundError):
            print(f"There is no {error.filename}. Check the path.", file=sys.stderr)
            return BadInputError.exit_code
        print(explain_os_error(error, Path(error.filename or "a file")), file=sys.stderr)
        return 1


def _out_of_memory(limit: int) -> str:
    if limit:
        return (
            f"This takes more than the {limit / 2**30:.1f} GB of memory that Lensmith gives to it. "
            "Take fewer or smaller pictures, or run it from a shell."
        )
    return "There is not enough memory. Choose a smaller batch or picture size."


if __name__ == "__main__":
    sys.exit(main())
