"""Training workers from a fork server that has imported torch and Lightning once.

The imports take most of a short training. Tests that start many workers only to kill them use this;
the tests of pages and dispatcher start ``python -m ml`` as the pages do.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

from ml import __main__ as command_line

START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


@contextmanager
def preloaded() -> Iterator[None]:
    """Within this context ``start`` forks from a server with the imports of a training."""
    _stop()
    multiprocessing.get_context(START_METHOD).set_forkserver_preload(
        ["ml.training.train", "ml.commands.train"]
    )
    yield
    _stop()
    multiprocessing.get_context(START_METHOD).set_forkserver_preload([])


def _stop() -> None:
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def start(arguments: list[str], log: Path) -> BaseProcess:
    """``python -m ml ARGUMENTS``, in a session of its own; what it prints is added to ``log``."""
    return call(_command, arguments, log=log)


def call(function: Callable[..., object], *arguments: object, log: Path) -> BaseProcess:
    """``function``, of some module, in a process and a session of its own."""
    child = multiprocessing.get_context(START_METHOD).Process(
        target=_run, args=(log, function, arguments)
    )
    child.start()
    return child


def _run(log: Path, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    with log.open("ab") as output:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
    function(*arguments)


def _command(arguments: list[str]) -> None:
    sys.argv = [str(command_line.__file__), *arguments]
    sys.exit(command_line.main())
