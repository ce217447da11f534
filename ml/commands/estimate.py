"""``python -m ml estimate``: what a training would take, by a rehearsal on this computer."""

import argparse
import json
import sys
from dataclasses import asdict

from ml.commands import train
from ml.data import catalog
from ml.errors import BadInputError
from ml.estimate import estimate
from ml.machine import describe, remembered
from ml.machine import threads as usable
from ml.presets import configuration
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of ``train`` that say what is trained."""
    train.add_settings(parser)


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Rehearse, and print seconds, memory and disk."""
    wanted = train.settings(args)
    dataset = str(wanted.pop("dataset", "") or "")
    if not dataset:
        raise BadInputError("Say what to learn from: --dataset NAME or --dataset FOLDER.")
    version = catalog.resolve(workspace, dataset)
    info = catalog.describe(workspace, version.name)
    config = configuration(version.name, info, **wanted)

    from ml.rehearsal import rehearse  # torch comes only now

    rehearse(workspace, config, len(info.classes), _progress)
    here = describe()
    cores = config.changed(threads=usable(config.threads))
    found = estimate(cores, info.pictures, here, remembered(workspace))
    if args.json:
        print(json.dumps({"dataset": version.name, "model": config.model, **asdict(found)}))
        return
    print(
        f"About {found.seconds:.0f} s, {found.memory / 1e9:.2f} GB of memory and "
        f"{found.disk / 1e6:.0f} MB of disk ({found.basis})."
    )


def _progress(fraction: float) -> None:
    print(f"progress {fraction:.3f}", file=sys.stderr, flush=True)
