"""``python -m ml tune``: search better settings, a learning rate, or the largest batch."""

import argparse
import json
import sys
from typing import Any

from ml.commands._common import add_settings, configured, settings, stop_on_signals
from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.runs.folder import find
from ml.training.process import die_first
from ml.training.start import record_for
from ml.tuning.new_search import DEFAULT_MINUTES, new_sweep
from ml.tuning.sweep import Sweep, find_sweep
from ml.utils.fast_imports import loading
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to start from, what to search, and for how long."""
    add_settings(parser)
    parser.add_argument("--better", metavar="RUN", help="start from a finished run instead")
    parser.add_argument(
        "--minutes",
        type=float,
        default=DEFAULT_MINUTES,
        metavar="T",
        help="time for everything (10)",
    )
    parser.add_argument("--trials", type=int, default=0, metavar="N", help="at most so many")
    parser.add_argument("--fields", default="", metavar="A,B", help="the settings to search")
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--name", default="", help="what to call the search")
    parser.add_argument("--resume", metavar="SEARCH", help="go on with a search where it was")
    parser.add_argument(
        "--find", choices=("rate", "batch"), help="a learning rate, or the largest batch that fits"
    )


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    """Search; the last line of standard output is the result."""
    if args.find:
        return _find(args, workspace)
    sweep = find_sweep(workspace, args.resume) if args.resume else _new(args, workspace)
    print(f"Search {sweep.id}", file=sys.stderr)
    stop_on_signals(sweep.ask_to_stop)

    with loading():  # torch comes only now
        from ml.tuning.search import Search

    die_first()
    result = Search(workspace, sweep, Progress()).run()
    trials = [vars(trial) for trial in sweep.state.trials]
    if args.json:
        output = {"sweep": sweep.id, "status": result["status"], "trials": trials}
        print(json.dumps({**output, "best": result}, ensure_ascii=False))
        return 130 if result["status"] == "stopped" else 0
    for trial in trials:
        accuracy = "       " if trial["accuracy"] is None else f"{trial['accuracy']:7.1%}"
        mark = "*" if trial["number"] == result["best"] else " "
        values = ", ".join(f"{name}={value}" for name, value in trial["values"].items())
        print(f"{mark} {trial['number']:3}  {trial['state']:7} {accuracy}  {values}")
    print(result["sentence"])
    return 130 if result["status"] == "stopped" else 0


def _find(args: argparse.Namespace, workspace: Workspace) -> int:
    """The range test or the largest batch, for the settings that were asked for."""
    base, record, _ = _start(args, workspace)
    if args.find == "rate":
        with loading():
            from ml.tuning.range_test import range_test

        result = range_test(workspace, base, record, Progress())
        sentence = f"A learning rate of {result['pick']:g} suits {base.model} on {base.dataset}."
    else:
        with loading():
            from ml.tuning.largest_batch import largest_batch

        counts = record["counts"]["train"]
        result = largest_batch(workspace, base, len(record["classes"]), counts, Progress())
        sentence = (
            f"Batches of up to {result['largest']} pictures fit; {result['fastest']} is fastest."
        )
    print(json.dumps(result, ensure_ascii=False) if args.json else sentence)
    return 0


def _new(args: argparse.Namespace, workspace: Workspace) -> Sweep:
    fields = [name.strip() for name in args.fields.split(",") if name.strip()]
    if not args.minutes > 0:
        raise BadInputError("A search needs some time: --minutes 10, for example.")
    options = {"seconds": 60 * args.minutes, "trials": args.trials, "seed": args.seed}
    options |= {"name": args.name}
    base, record, origin = _start(args, workspace)
    return new_sweep(workspace, base, record, fields=fields, run=origin, **options)


def _start(
    args: argparse.Namespace, workspace: Workspace
) -> tuple[TrainConfig, dict[str, Any], str]:
    """The settings to start from, their pictures, and the run that they are of, if any."""
    overrides = settings(args)
    if args.better:
        if overrides:
            raise BadInputError("--better starts from the settings of its run: leave others out.")
        chosen_run = find(workspace, args.better)
        return chosen_run.without_limit, chosen_run.dataset, chosen_run.id
    base, version = configured(workspace, overrides)
    return base, record_for(workspace, base, version), ""
