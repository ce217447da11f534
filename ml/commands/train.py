"""``python -m ml train``: train a classifier, or go on with one."""

import argparse
import json
import signal
import sys

from ml.commands._common import (
    DEVICE_SETTINGS,
    add_limit,
    add_settings,
    configured,
    settings,
    stop_on_signals,
)
from ml.config import TrainConfig
from ml.distributed import launch
from ml.errors import BadInputError
from ml.presets import size_remark
from ml.runs.folder import Run, find
from ml.runs.queue import claim
from ml.training.process import die_first, die_with_parent
from ml.training.start import start
from ml.utils.fast_imports import loading
from ml.workspace import Workspace

EXIT_CODES = {"finished": 0, "stopped": 130, "failed": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments; what is not given comes from the presets for the data and the model."""
    add_settings(parser)
    add_limit(parser)
    parser.add_argument("--name", default="", help="what to call the run")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run where it was")
    parser.add_argument("--run", metavar="ID", help="start a run that is queued")


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    """Train; the last line of standard output is the result."""
    rank_info = launch.detect_rank(*_requested_devices(args, workspace))
    if not rank_info.is_leader:
        return _join_training(args, workspace, rank_info)
    if args.run or args.resume:
        given_settings = (args.dataset, args.model, args.preset, args.config, args.set, args.limit)
        if any(given_settings):
            raise BadInputError(
                "A run keeps its own settings: with --resume only --epochs and the devices can "
                "be changed."
            )
        chosen_run = _existing_run(args, workspace)
    else:
        chosen_run = _new_run(args, workspace, rank_info)
    print(f"Run {chosen_run.id}", file=sys.stderr)
    stop_on_signals(chosen_run.ask_to_stop)

    children = launch.start_local_ranks(rank_info)  # they load torch while this process does

    with loading():  # torch comes only now: mistakes in the arguments are told at once
        from ml.training.train import train

    die_first()
    run_ended = train(workspace, chosen_run, rank_info=rank_info, children=children)
    result = {
        "run": chosen_run.id,
        "status": run_ended.outcome,
        "epochs": run_ended.epochs,
        "seconds": round(run_ended.seconds, 2),
        "validation": run_ended.validation,
        "test": run_ended.test,
    }
    if run_ended.reason:
        print(run_ended.reason, file=sys.stderr)
    if args.json:
        print(json.dumps(result, ensure_ascii=False))
    elif run_ended.test:
        print(f"Test accuracy {run_ended.test['accuracy']:.1%} (run {chosen_run.id})")
    return EXIT_CODES[run_ended.outcome]


def _requested_devices(
    args: argparse.Namespace, workspace: Workspace
) -> tuple[int | None, int | None]:
    """The requested devices a computer and computers; None where not given."""
    requested = {name: getattr(args, name) for name in DEVICE_SETTINGS}
    if run_id := args.run or args.resume:
        if not launch.is_launched_externally():  # else the launcher decides
            config = find(workspace, run_id, with_model=False).config
            requested["devices"] = requested["devices"] or config.devices
            requested["num_nodes"] = requested["num_nodes"] or config.num_nodes
    else:
        requested |= {
            name: value for name, value in settings(args).items() if name in DEVICE_SETTINGS
        }
    numbers = {name: value for name, value in requested.items() if value is not None}
    checked = TrainConfig().changed(**numbers)
    numbers = {name: getattr(checked, name) for name in numbers}
    return numbers.get("devices"), numbers.get("num_nodes")


def _join_training(
    args: argparse.Namespace, workspace: Workspace, rank_info: launch.RankInfo
) -> int:
    """Train as a rank other than 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the leader gets it, too, and stops all ranks
    children = launch.start_local_ranks(rank_info)
    if not rank_info.launcher and rank_info.local_rank:
        die_with_parent()

    with loading():
        from ml.distributed.group import wait_for_children
        from ml.training.train import join

    die_first()
    join(workspace, rank_info)
    wait_for_children(children)
    return 0


def _new_run(args: argparse.Namespace, workspace: Workspace, rank_info: launch.RankInfo) -> Run:
    """A new run, claimed by this process."""
    overrides = settings(args)
    if rank_info.world_size > 1:
        overrides |= {"devices": rank_info.devices, "num_nodes": rank_info.nodes}
    config, version = configured(workspace, overrides)
    if remark := size_remark(overrides.get("image_size"), config):
        print(remark, file=sys.stderr)
    return start(workspace, config, version, name=args.name, claimed=True)


def _existing_run(args: argparse.Namespace, workspace: Workspace) -> Run:
    """A queued run, or one to resume, claimed by this process."""
    if args.run:
        chosen_run = find(workspace, args.run, with_model=False)
        claim(chosen_run)
        return chosen_run
    chosen_run = find(workspace, args.resume, with_model=False)
    status = chosen_run.status.name
    requested_epochs = (chosen_run.meta.get("resume") or {}).get("epochs")
    planned = chosen_run.epochs
    if status == "finished" and chosen_run.model and (args.epochs or 0) <= planned:
        raise BadInputError(
            f"Run {chosen_run.id} has finished its {planned} epochs. Say how many it should have "
            f"in all, for example: --epochs {2 * planned}"
        )
    if args.epochs:
        chosen_run.config.changed(epochs=args.epochs)  # refuses a bad number
    # "asked" 0 keeps the run out of the queue: this process resumes it itself.
    chosen_run.update_meta(resume={"asked": 0.0, "epochs": args.epochs or requested_epochs})
    claim(chosen_run, resume=True)
    return chosen_run
