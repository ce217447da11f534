"""``python -m ml models``: what can be trained."""

import argparse
import json

from ml.models import all_models
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
            "download": model.download,
        }
        for model in all_models()
    ]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        start = "pretrained" if row["pretrained"] else "from scratch"
        print(f"{row['name']:20} {row['millions']:6.2f} M  {start:12}  {row['good_for']}")
