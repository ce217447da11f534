"""``python -m ml instant``: how well a quick model does on a set, before anything is trained."""

import argparse
import json

from ml.data.catalog import resolve
from ml.errors import MLError
from ml.serving.quick_model import Instant
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
    version = resolve(workspace, args.dataset)
    asked = (workspace.root, version.name, version.version, args.before)
    told = Instant().answer(*asked)
    if "lacking" in told:
        from ml.doctor.features import features_of  # mostly there is nothing to compute

        features_of(workspace, version, Progress())
        told = Instant().answer(*asked)
    if "lacking" in told:
        raise MLError("The features could not be kept. See whether the disk is full.")
    if args.json:
        print(json.dumps({"name": version.name, **told}, ensure_ascii=False))
        return
    print(
        f"{version.name}: {told['accuracy']:.1%} ({told['low']:.1%} to {told['high']:.1%}) of "
        f"{told['pictures']} pictures are guessed right by a head that has not seen them; "
        f"{told['changed_count']} guesses changed."
    )
