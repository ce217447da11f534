"""``python -m ml datasets``: the data sets, bundled ones first."""

import argparse
import json
from typing import Any

from ml.data.catalog import DatasetInfo, list_datasets
from ml.data.sources.hub_registry import all_hubs
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--named``."""
    parser.add_argument(
        "--named", action="store_true", help="the sets that can be brought in by name, instead"
    )


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
    if args.named:
        _print_named(as_json=args.json)
        return
    infos = list_datasets(workspace)
    if args.json:
        print(json.dumps([summary(info) for info in infos], ensure_ascii=False))
        return
    for info in infos:
        size = f"{info.width}x{info.height} {'colour' if info.colour else 'grey'}"
        counts = f"{info.pictures:7,} pictures {len(info.classes):4} classes"
        print(f"{info.name:30} {info.kind:8} {counts}  {size:18} {info.description}".rstrip())


def _print_named(*, as_json: bool) -> None:
    """The sets of every hub, as ``ml ingest`` takes their names."""
    rows = [
        {
            "name": f"{hub.name}:{named_set.name}",
            "title": named_set.title,
            "description": named_set.words,
            "licence": named_set.licence or hub.licence,
        }
        for hub in all_hubs()
        for named_set in hub.list()
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['name']:30} {row['description']}  {row['licence']}".rstrip())
