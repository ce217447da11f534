"""``python -m ml estimate``: the cost of a training in time, memory and disk, by a dry run."""

import argparse
import json
from dataclasses import asdict

from ml.commands._common import add_limit, add_settings, configured, settings
from ml.data import catalog
from ml.hardware import describe, read_measurements, thread_count
from ml.training.cost.estimate import estimate
from ml.utils.fast_imports import loading
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of ``train`` that say what is trained."""
    add_settings(parser)
    add_limit(parser)


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Rehearse, and print seconds, memory and disk."""
    config, version = configured(workspace, settings(args))

    with loading():  # torch comes only now
        from ml.training.dry_run import rehearse

    rehearse(workspace, config, len(version.classes), Progress())
    machine = describe()
    cores = config.changed(threads=thread_count(config.threads))
    cost = estimate(
        cores,
        catalog.describe(workspace, version.name).pictures,
        machine,
        read_measurements(workspace),
    )
    if args.json:
        print(json.dumps({"dataset": version.name, "model": config.model, **asdict(cost)}))
        return
    print(
        f"About {cost.seconds:.0f} s, {cost.memory / 1e9:.2f} GB of memory and "
        f"{cost.disk / 1e6:.0f} MB of disk ({cost.basis})."
    )
