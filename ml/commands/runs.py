"""``python -m ml runs``: the runs, newest last."""

import argparse
import json
from typing import Any

from ml.errors import BadInputError
from ml.metrics.registry import displayed_metrics
from ml.runs.folder import Run, list_runs
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command takes no arguments of its own."""


def summary(run: Run) -> dict[str, Any]:
    """What the list shows of one run; ``metrics`` are those of the test pictures, 0 to 1."""
    report = run.report or {}
    try:
        config = run.config
    except BadInputError as error:  # a damaged run is listed, not hidden
        return {"id": run.id, "name": run.name, "status": "failed", "model": "", "dataset": "",
                "metrics": {}, "reason": str(error)}  # fmt: skip
    damage = {"reason": run.damage} if run.damage else {}
    return damage | {
        "id": run.id,
        "name": run.name,
        "status": run.status.name,
        "model": config.model,
        "dataset": config.dataset,
        "metrics": {
            metric.name: report[metric.name]
            for metric in displayed_metrics()
            if metric.name in report
        },
    }


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the list."""
    rows = [summary(item) for item in list_runs(workspace)]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        accuracy = row["metrics"].get("accuracy")
        score = f"{accuracy:7.1%}" if accuracy is not None else "      -"
        print(f"{row['id']:45} {row['status']:12} {score}  {row['model']} on {row['dataset']}")
