"""``python -m ml train``: train a classifier, or go on with one."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from ml import ranks
from ml.config import TrainConfig, load_config
from ml.data import catalog
from ml.errors import BadInputError, MLError
from ml.presets import configuration, size_remark
from ml.runs import Run, claim, create, find
from ml.worker_life import die_first, die_with_parent
from ml.workspace import Workspace

SHAPE = ("devices", "num_nodes", "strategy")
EXIT = {"finished": 0, "stopped": 130, "failed": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments; what is not given comes from the presets for the data and the model."""
    add_settings(parser)
    parser.add_argument("--name", default="", help="what to call the run")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run where it was")
    parser.add_argument("--run", metavar="ID", help="start a run that is queued")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The arguments that ``settings`` reads."""
    parser.add_argument("--dataset", metavar="D", help="a name, or a folder of pictures")
    parser.add_argument("--model", metavar="M", help="see: python -m ml models")
    parser.add_argument("--epochs", type=int, metavar="N", help="times to see every picture")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="any other setting"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="a JSON object of settings")
    parser.add_argument("--devices", type=int, metavar="N", help="graphics cards, or processes")
    parser.add_argument("--num-nodes", type=int, metavar="M", help="computers that share the work")
    parser.add_argument("--strategy", metavar="S", help="auto, ddp or fsdp")


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    """Train; the last line of standard output is the result."""
    place = ranks.place(*_shape(args, workspace))
    if not place.leads:
        return _join(args, workspace, place)
    if args.run or args.resume:
        if args.dataset or args.model or args.config or args.set:
            raise BadInputError(
                "A run keeps its own settings: with --resume only --epochs and the devices can "
                "be changed."
            )
        chosen = _existing(args, workspace)
    else:
        chosen = _new(args, workspace, place)
    print(f"Run {chosen.id}", file=sys.stderr)
    _stop_on_signals(chosen)

    others = ranks.start_others(place)  # they load torch while this process does

    from ml.train import train  # torch comes only now: mistakes in the arguments are told at once

    die_first()
    ended = train(workspace, chosen, place=place, others=others)
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
        if not ranks.by_launcher():  # else it is as the launcher says, this time
            config = find(workspace, known, with_model=False).config
            wanted["devices"] = wanted["devices"] or config.devices
            wanted["num_nodes"] = wanted["num_nodes"] or config.num_nodes
    else:
        wanted |= {name: value for name, value in settings(args).items() if name in SHAPE}
    asked = {name: value for name, value in wanted.items() if value is not None}
    checked = TrainConfig().changed(**asked)
    asked = {name: getattr(checked, name) for name in asked}
    return asked.get("devices"), asked.get("num_nodes")


def _join(args: argparse.Namespace, workspace: Workspace, place: ranks.Place) -> int:
    """Take part in a training that another process leads."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the leader hears it too, and stops all of them
    others = ranks.start_others(place)
    if not place.launcher and place.local_rank:
        die_with_parent()

    from ml.team import end
    from ml.train import join

    die_first()
    join(workspace, place)
    end(others)
    return 0


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """What was asked for: ``--set`` beats the other options, and those beat ``--config``.

    Raises:
        BadInputError: a setting without a value.
    """
    wanted: dict[str, Any] = load_config(args.config) if args.config else {}
    wanted.pop("version", None)
    wanted |= {
        name: getattr(args, name)
        for name in ("dataset", "model", "epochs", *SHAPE)
        if getattr(args, name) is not None
    }
    for entry in args.set:
        name, equals, value = entry.partition("=")
        if not equals:
            raise BadInputError(f"--set takes FIELD=VALUE, for example epochs=5, not {entry!r}.")
        wanted[name.strip()] = value.strip()
    return wanted


def _new(args: argparse.Namespace, workspace: Workspace, place: ranks.Place) -> Run:
    """A new run, claimed by this process."""
    wanted = settings(args)
    if place.world > 1:
        wanted |= {"devices": place.devices, "num_nodes": place.nodes}
    dataset = str(wanted.pop("dataset", "") or "")
    if not dataset:
        raise BadInputError("Say what to learn from: --dataset NAME or --dataset FOLDER.")
    TrainConfig().changed(**wanted)  # bad settings are told before a long ingest
    version = catalog.resolve(workspace, dataset, progress=_progress)
    info = catalog.describe(workspace, version.name)
    config = configuration(version.name, info, **wanted)
    if remark := size_remark(wanted.get("image_size"), config):
        print(remark, file=sys.stderr)
    made = create(workspace, config, catalog.run_record(version, config.split_seed), name=args.name)
    claim(made)
    return made


def _existing(args: argparse.Namespace, workspace: Workspace) -> Run:
    """A queued run, or one to resume, claimed by this process."""
    if args.run:
        found = find(workspace, args.run, with_model=False)
        claim(found)
        return found
    found = find(workspace, args.resume, with_model=False)
    status = found.status.name
    asked = (found.meta.get("resume") or {}).get("epochs")
    planned = asked or found.config.epochs
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


def _progress(fraction: float) -> None:
    print(f"progress {fraction:.3f}", file=sys.stderr)


def _stop_on_signals(run: Run) -> None:
    """Ctrl-C and a polite kill ask to stop, keeping what was learned; twice ends at once."""

    def ask(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        print("Stopping at the next batch. Press Ctrl-C again to end at once.", file=sys.stderr)
        try:
            run.ask_to_stop()
        except OSError as error:
            raise MLError(f"The run cannot be asked to stop: {error}.") from error

    signal.signal(signal.SIGINT, ask)
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, ask)
