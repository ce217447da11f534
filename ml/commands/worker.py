"""``python -m ml worker``: serve predictions to the pages over standard input and output."""

import argparse
import os
import signal
import sys

from ml.data.pixels.cpu_budget import end_process_beyond
from ml.hardware import limit_memory
from ml.serving.server import serve
from ml.workspace import Workspace

MAX_MEMORY_BYTES = 3 * 2**30
"""Far more than decoding the largest picture and running the largest model take together."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--idle``."""
    parser.add_argument(
        "--idle",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="end after this long without a request (default: 600)",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Serve until the input closes. Standard output carries frames and nothing else."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, whose end closes us
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints would be taken for a frame
    limit_memory(MAX_MEMORY_BYTES)
    end_process_beyond()
    serve(sys.stdin.buffer, frames, args.idle)
