"""``python -m ml train``: train a classifier, or go on with one."""

import argparse
import json
import signal
import sys

from ml.commands._common import (
    SHAPE,
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

EXIT = {"finished": 0, "stopped": 130, "failed": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments; what is not given comes from the presets for the data and the model."""
    add_settings(parser)
    add_limit(parser)
    parser.add_argument("--name", default="", help="what to call the run")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run where it was")
    parser.add_argument("--run", metavar="ID", help="start a run that is queued")


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    """Train; the last line of standard output is the result."""
    rank_info = launch.detect_rank(*_shape(args, workspace))
    if not rank_info.is_leader:
        return _join(args, workspace, rank_info)
    if args.run or args.resume:
        asked = (args.dataset, args.model, args.preset, args.config, args.set, args.limit)
        if any(asked):
            raise BadInputError(
                "A run keeps its own settings: with --resume only --epochs and the devices can "
                "be changed."
            )
        chosen = _existing(args, workspace)
    else:
        chosen = _new(args, workspace, rank_info)
    print(f"Run {chosen.id}", file=sys.stderr)
    stop_on_signals(chosen.ask_to_stop)

    children = launch.start_local_ranks(rank_info)  # they load torch while this process does

    with loading():  # torch comes only now: mistakes in the arguments are told at once
        from ml.training.train import train

    die_first()
    ended = train(workspace, chosen, rank_info=rank_info, children=children)
    result = {
        "run": chosen.id,
        "status": ended.outcome,
        "epochs": ended.epochs,
        "seconds": round(ended.seconds, 2),
        "validation": ended.validation,
        "test": ended.test,
    }
    if ended.reason:
        print(ended.reason, file=sys.stderr)
    if args.json:
        print(json.dumps(result, ensure_ascii=False))
    elif ended.test:
        print(f"Test accuracy {ended.test['accuracy']:.1%} (run {chosen.id})")
    return EXIT[ended.outcome]


def _shape(args: argparse.Namespace, workspace: Workspace) -> tuple[int | None, int | None]:
    """How many devices and computers are asked for; None where nothing is said of them."""
    wanted = {name: getattr(args, name) for name in SHAPE}
    if known := args.run or args.resume:
        if not launch.is_launched_externally():  # else it is as the launcher says, this time
            config = find(workspace, known, with_model=False).config
            wanted["devices"] = wanted["devices"] or config.devices
            wanted["num_nodes"] = wanted["num_nodes"] or config.num_nodes
    else:
        wanted |= {name: value for name, value in settings(args).items() if name in SHAPE}
    asked = {name: value for name, value in wanted.items() if value is not None}
    checked = TrainConfig().changed(**asked)
    asked = {name: getattr(checked, name) for name in asked}
    return asked.get("devices"), asked.get("num_nodes")


def _join(args: argparse.Namespace, workspace: Workspace, rank_info: launch.RankInfo) -> int:
    """Train as a rank other than 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the leader hears it too, and stops all of them
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


def _new(args: argparse.Namespace, workspace: Workspace, rank_info: launch.RankInfo) -> Run:
    """A new run, claimed by this process."""
    wanted = settings(args)
    if rank_info.world_size > 1:
        wanted |= {"devices": rank_info.devices, "num_nodes": rank_info.nodes}
    config, version = configured(workspace, wanted)
    if remark := size_remark(wanted.get("image_size"), config):
        print(remark, file=sys.stderr)
    return start(workspace, config, version, name=args.name, claimed=True)


def _existing(args: argparse.Namespace, workspace: Workspace) -> Run:
    """A queued run, or one to resume, claimed by this process."""
    if args.run:
        found = find(workspace, args.run, with_model=False)
        claim(found)
        return found
    found = find(workspace, args.resume, with_model=False)
    status = found.status.name
    asked = (found.meta.get("resume") or {}).get("epochs")
    planned = found.epochs
    if status == "finished" and found.model and (args.epochs or 0) <= planned:
        raise BadInputError(
            f"Run {found.id} has finished its {planned} epochs. Say how many it should have in "
            f"all, for example: --epochs {2 * planned}"
        )
    if args.epochs:
        found.config.changed(epochs=args.epochs)  # refuses a bad number
    # Not "asked" but "resume": the run does not enter the queue, this process takes it up.
    found.update_meta(resume={"asked": 0.0, "epochs": args.epochs or asked})
    claim(found, resume=True)
    return found
