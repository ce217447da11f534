"""Shared by commands: the arguments for settings, and stopping on Ctrl-C or SIGTERM."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ml.config import LEVELS, TrainConfig
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError, MLError
from ml.training import start
from ml.utils.progress import Progress
from ml.workspace import Workspace

DEVICE_SETTINGS = ("devices", "num_nodes", "strategy")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The arguments that ``settings`` reads."""
    *first, last = LEVELS
    parser.add_argument("--dataset", metavar="D", help="a name, or a folder of pictures")
    parser.add_argument("--model", metavar="M", help="see: python -m ml models")
    parser.add_argument("--preset", metavar="P", help=f"{', '.join(first)} or {last}")
    parser.add_argument("--epochs", type=int, metavar="N", help="times to see every picture")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="any other setting"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="a JSON object of settings")
    parser.add_argument("--devices", type=int, metavar="N", help="graphics cards, or processes")
    parser.add_argument("--num-nodes", type=int, metavar="M", help="computers that share the work")
    parser.add_argument("--strategy", metavar="S", help="auto, ddp or fsdp")


def add_limit(parser: argparse.ArgumentParser) -> None:
    """The argument for the time that a training may take."""
    parser.add_argument(
        "--minutes", type=float, dest="limit", metavar="T", help="end with a model in this time"
    )


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings in the arguments: ``--set`` before other options before ``--config``.

    Raises:
        BadInputError: a setting without a value.
    """
    overrides: dict[str, Any] = read_settings(args.config) if args.config else {}
    overrides.pop("version", None)
    overrides |= {
        name: getattr(args, name)
        for name in ("dataset", "model", "preset", "epochs", *DEVICE_SETTINGS)
        if getattr(args, name) is not None
    }
    if getattr(args, "limit", None) is not None:
        overrides["minutes"] = args.limit
    for entry in args.set:
        name, equals, value = entry.partition("=")
        if not equals:
            raise BadInputError(f"--set takes FIELD=VALUE, for example epochs=5, not {entry!r}.")
        overrides[name.strip()] = value.strip()
    return overrides


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a JSON file, unvalidated but known to be an object.

    Raises:
        BadInputError: no such file, or no JSON object in it.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadInputError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path} must hold a JSON object of settings and values.")
    return content


def configured(
    workspace: Workspace, overrides: Mapping[str, Any]
) -> tuple[TrainConfig, DatasetVersion]:
    """The configuration with ``overrides`` (of ``settings``), and its data set, ingested if new.

    Raises:
        BadInputError: no pictures are named, or a setting does not fit.
    """
    other_overrides = dict(overrides)
    dataset = str(other_overrides.pop("dataset", "") or "")
    if not dataset:
        raise BadInputError("Say what to learn from: --dataset NAME or --dataset FOLDER.")
    return start.configured(workspace, dataset, other_overrides, Progress())


def stop_on_signals(ask_to_stop: Callable[[], None]) -> None:
    """Make the first Ctrl-C or SIGTERM call ``ask_to_stop``, and the second end the process."""

    def ask(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        print("Stopping at the next batch. Press Ctrl-C again to end at once.", file=sys.stderr)
        try:
            ask_to_stop()
        except OSError as error:
            raise MLError(f"It cannot be asked to stop: {error}.") from error

    signal.signal(signal.SIGINT, ask)
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, ask)
