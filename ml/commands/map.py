"""``python -m ml map``: where the pictures of a set lie by what they look like."""

import argparse
import json

from ml.data.catalog import resolve
from ml.doctor.similarity_map import draw_map
from ml.doctor.stored_findings import map_path
from ml.presets import default_pixels
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DATASET."""
    parser.add_argument("dataset", metavar="DATASET", help="a data set's name, or a folder")


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Draw the map of the newest version and keep it beside the version."""
    version = resolve(workspace, args.dataset, pixels_for=default_pixels)
    similarity_map = draw_map(workspace, version, Progress())
    path = map_path(workspace, version.name, version.version)
    if args.json:
        print(
            json.dumps(
                {"name": version.name, "path": str(path), **similarity_map}, ensure_ascii=False
            )
        )
        return
    print(f"{version.name}: {len(similarity_map['x']):,} pictures mapped, kept in {path}")
