"""``python -m ml datasets``: the data sets, bundled ones first."""

import argparse
import json
from typing import Any

from ml.data.catalog import DatasetInfo, list_datasets
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command takes no arguments of its own."""


def summary(info: DatasetInfo) -> dict[str, Any]:
    """What the list shows of one set; ``classes`` {name: count}."""
    return {
        "name": info.name,
        "title": info.title,
        "kind": info.kind,
        "pictures": info.pictures,
        "classes": info.counts,
        "width": info.width,
        "height": info.height,
        "colour": info.colour,
        "licence": info.licence,
        "description": info.description,
        "ready": info.ready,
    }


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the list."""
    infos = list_datasets(workspace)
    if args.json:
        print(json.dumps([summary(info) for info in infos], ensure_ascii=False))
        return
    for info in infos:
        size = f"{info.width}x{info.height} {'colour' if info.colour else 'grey'}"
        counts = f"{info.pictures:7,} pictures {len(info.classes):4} classes"
        print(f"{info.name:30} {info.kind:8} {counts}  {size:18} {info.description}".rstrip())
