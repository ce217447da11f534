"""``python -m ml evaluate``: measure a trained classifier, or make a report to hand on."""

import argparse
import json
from pathlib import Path
from typing import Any

from ml.errors import BadInputError
from ml.evaluation import results, slice_discovery
from ml.evaluation.evaluate import PictureSelection, measure, select_pictures
from ml.evaluation.results import Results
from ml.metrics import thresholds
from ml.metrics.registry import Metric
from ml.metrics.roc import curve
from ml.runs.folder import Run, find
from ml.sharing.html_report.page import check_place, page, write
from ml.text import metric_text
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, ``--dataset``, ``--split``, ``--slices``, ``--class``, ``--at`` and ``--html``."""
    parser.add_argument("wanted", metavar="RUN", help="a run's id, the start of it, or latest")
    parser.add_argument(
        "--dataset", metavar="D", help="other pictures than its own: a name or a folder"
    )
    parser.add_argument(
        "--split",
        metavar="S",
        help="train, val, test or all (default: test, and all of other pictures)",
    )
    parser.add_argument(
        "--slices", action="store_true", help="on which kinds of pictures it does worse"
    )
    parser.add_argument(
        "--class", dest="one", metavar="C", help="how well this class is told from the rest"
    )
    parser.add_argument(
        "--at", type=float, metavar="T", help="with --class: what this threshold would do, 0 to 1"
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write the report as one HTML file, with figures and pictures in it; that of the run "
        "itself is not measured again",
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Print the report, or what matters most of it."""
    if args.html is not None:
        check_place(args.html)
    if args.at is not None and (args.one is None or not 0 <= args.at <= 1):
        raise BadInputError("--at is a probability from 0 to 1, and needs --class.")
    found, tell = find(workspace, args.wanted), Progress()
    selection = select_pictures(workspace, found, args.dataset, args.split)
    half = 0.5 if args.slices else 1.0
    answers = _kept(workspace, found, selection, args) or measure(
        workspace, found, selection, lambda share: tell(half * share)
    )
    report = dict(answers.report)
    if args.slices:
        report["slices"] = slice_discovery.measure(
            workspace, found, selection, lambda share: tell(0.5 + share / 2)
        )
    if args.one is not None:
        report["one_class"] = _one_class(answers, args.one, args.at)
    if args.html is not None:
        write(args.html, page(workspace, found, answers))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return
    _print_report(report)
    if args.html is not None:
        print(f"Wrote {args.html}, {args.html.stat().st_size / 1e6:.1f} MB.")
    if args.slices:
        _print_slices(report["slices"])
    if args.one is not None:
        _print_class(report["one_class"])


def _print_report(report: dict[str, Any]) -> None:
    """The metrics with their intervals, each class, and what to beware of."""
    low, high = report["intervals"]["accuracy"]
    biggest = report["majority"]
    print(
        f"Accuracy {report['accuracy']:.1%} ({low:.1%} to {high:.1%}) on {report['pictures']} "
        f"{report['split']} pictures of {report['dataset']}. Guessing {biggest['class']}, the "
        f"biggest class, gets {biggest['accuracy']:.1%}."
    )
    for metric in metric_text.measured(report):
        if metric.name != "accuracy":
            print(f"{metric.label} {_shell_text(metric, report)}")
    for entry in report["per_class"]:
        print(
            f"{entry['class']:24} precision {entry['precision']:6.1%}  recall "
            f"{entry['recall']:6.1%}  F1 {entry['f1']:6.1%}  of {entry['support']}"
        )
    for note in report.get("notes") or []:
        print(note["text"])


def _shell_text(metric: Metric, report: dict[str, Any]) -> str:
    """The value with its interval, as a shell has percent: "87.3% (80.1% to 92.0%)"."""
    form = ".1%" if metric.unit == "share" else ".3f"
    value, interval = report[metric.name], (report.get("intervals") or {}).get(metric.name)
    if not interval:
        return f"{value:{form}}"
    low, high = interval
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def _kept(
    workspace: Workspace, run: Run, selection: PictureSelection, args: argparse.Namespace
) -> Results | None:
    """What is kept of an earlier measurement, where that will do: for the kinds of pictures, and
    for a report to hand on on the run's own test pictures."""
    own = selection.own and selection.split == "test"
    if args.html is not None and own and run.report is not None:
        return results.read(workspace, run)
    if not args.slices:
        return None
    return results.find(workspace, run, selection.record["fingerprint"], selection.split)


def _one_class(answers: Results, name: str, at: float | None) -> dict[str, Any]:
    """How well the class is told from the rest, and what the threshold ``at`` does.

    Raises:
        BadInputError: the model knows no such class.
    """
    if name not in answers.classes:
        raise BadInputError(f"The model knows {', '.join(answers.classes)}, not {name}.")
    label = answers.classes.index(name)
    found = curve(answers.probabilities[:, label], answers.labels == label)
    about = thresholds.summary(name, found)
    return about if at is None else about | {"at": thresholds.as_json(thresholds.call(found, at))}


def _print_slices(found: dict[str, Any]) -> None:
    print(found["finding"])
    for one in found["slices"]:
        low, high = one["interval"]
        print(
            f"{'worse' if one['worse'] else '':6}{one['accuracy']:6.1%} ({low:.1%} to {high:.1%}) "
            f"of {one['pictures']}, of the rest {one['rest']:.1%}, by chance "
            f"{slice_discovery.by_chance(one['adjusted'])}: {one['kind'].lower()}: {one['name']} "
            f"{one['word'] and '(' + one['word'] + ')'}"
        )
    if found["tried"]:
        print(f"{found['method']} for {found['tried']} groups.")


def _print_class(about: dict[str, Any]) -> None:
    name = about["class"]
    if "roc_auc" in about:
        low, high = about["roc_auc_interval"]
        print(
            f"{name} is ranked above another in {about['roc_auc']:.1%} of pairs ({low:.1%} to "
            f"{high:.1%}; ROC AUC). Average precision {about['average_precision']:.1%}."
        )
    else:
        print(f"{about['pictures']} of {name} and {about['others']} others: too few for curves.")
    for key, word in (
        ("for_precision", "95 % precision"),
        ("for_recall", "95 % recall"),
        ("at", ""),
    ):
        one = about.get(key)
        if one:
            print(
                f"From {one['threshold']:.1%} on{f' ({word})' if word else ''}: {one['called']} "
                f"called {name}, {one['hits']} of them rightly, {one['missed']} missed."
            )
        elif word and key in about:
            print(f"No threshold for {word}.")
