"""``python -m ml instant``: how well a quick model does on a set, before anything is trained."""

import argparse
import json
from typing import Any

from ml.data.catalog import resolve
from ml.data.store.versions import DatasetVersion
from ml.errors import MLError
from ml.presets import default_pixels
from ml.serving.quick_model import QuickModels
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DATASET and --before."""
    parser.add_argument("dataset", metavar="DATASET", help="a data set's name, or a folder")
    parser.add_argument(
        "--before", type=int, default=0, metavar="N", help="compare with this version"
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Compute the features that are missing, fit, guess and print."""
    version = resolve(workspace, args.dataset, pixels_for=default_pixels)
    comparison = _compared(workspace, version, args.before)
    if "lacking" in comparison:
        from ml.doctor.features import features_of  # mostly there is nothing to compute

        features_of(workspace, version, Progress())
        comparison = _compared(workspace, version, args.before)
    if "lacking" in comparison:
        raise MLError("The features could not be kept. See whether the disk is full.")
    if args.json:
        print(json.dumps({"name": version.name, **comparison}, ensure_ascii=False))
        return
    print(
        f"{version.name}: {comparison['accuracy']:.1%} "
        f"({comparison['low']:.1%} to {comparison['high']:.1%}) of "
        f"{comparison['pictures']} pictures are guessed right by a head that has not seen them; "
        f"{comparison['changed_count']} guesses changed."
    )


def _compared(workspace: Workspace, version: DatasetVersion, before: int) -> dict[str, Any]:
    return QuickModels().compare(workspace.root, version.name, version.version, before)
