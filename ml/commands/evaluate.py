"""``python -m ml evaluate``: measure a trained classifier, or make a report to hand on."""

import argparse
import json
from pathlib import Path
from typing import Any

from ml.errors import BadInputError
from ml.evaluation import holdout_reuse, results, slice_discovery
from ml.evaluation.evaluate import PictureSelection, measure, select_pictures
from ml.evaluation.results import Results
from ml.metrics import thresholds
from ml.metrics.registry import Metric
from ml.metrics.roc import curve
from ml.runs.folder import Run, find
from ml.sharing.html_report.page import check_place, page, write
from ml.text import metric_text, report_sentences
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, ``--dataset``, ``--split``, ``--slices``, ``--class``, ``--at`` and ``--html``."""
    parser.add_argument("run_id", metavar="RUN", help="a run's id, the start of it, or latest")
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
    chosen_run, progress = find(workspace, args.run_id), Progress()
    selection = select_pictures(workspace, chosen_run, args.dataset, args.split)
    half = 0.5 if args.slices else 1.0
    test_results = _stored_results(workspace, chosen_run, selection, args) or measure(
        workspace, chosen_run, selection, lambda share: progress(half * share)
    )
    report = dict(test_results.report)
    if selection.is_own_test:
        models = holdout_reuse.models_scored(workspace, chosen_run)
        if reuse := holdout_reuse.summary(test_results, models):
            report["reuse"] = reuse
    if args.slices:
        report["slices"] = slice_discovery.measure(
            workspace, chosen_run, selection, lambda share: progress(0.5 + share / 2)
        )
    if args.one is not None:
        report["one_class"] = _class_summary(test_results, args.one, args.at)
    if args.html is not None:
        write(args.html, page(workspace, chosen_run, test_results))
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
    majority = report["majority"]
    print(
        f"Accuracy {report['accuracy']:.1%} ({low:.1%} to {high:.1%}) on {report['pictures']} "
        f"{report['split']} pictures of {report['dataset']}. Guessing {majority['class']}, the "
        f"biggest class, gets {majority['accuracy']:.1%}."
    )
    for metric in metric_text.measured(report):
        if metric.name != "accuracy":
            print(f"{metric.label} {_shell_text(metric, report)}")
    for entry in report["per_class"]:
        print(
            f"{entry['class']:24} precision {entry['precision']:6.1%}  recall "
            f"{entry['recall']:6.1%}  F1 {entry['f1']:6.1%}  of {entry['support']}"
        )
    if sentence := report_sentences.groups(report, report["pictures"]):
        print(sentence)
    if sentence := report_sentences.reuse(report.get("reuse")):
        print(sentence)
    for note in report.get("notes") or []:
        print(note["text"])


def _shell_text(metric: Metric, report: dict[str, Any]) -> str:
    """The value with its interval in the command line's format: "87.3% (80.1% to 92.0%)"."""
    form = ".1%" if metric.unit == "share" else ".3f"
    value, interval = report[metric.name], (report.get("intervals") or {}).get(metric.name)
    if not interval:
        return f"{value:{form}}"
    low, high = interval
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def _stored_results(
    workspace: Workspace, run: Run, selection: PictureSelection, args: argparse.Namespace
) -> Results | None:
    """What is kept of an earlier measurement, where that will do: for the kinds of pictures, and
    for a report to hand on on the run's own test pictures."""
    is_own_test = selection.own and selection.split == "test"
    if args.html is not None and is_own_test and run.report is not None:
        return results.read(workspace, run)
    if not args.slices:
        return None
    return results.find(workspace, run, selection.record["fingerprint"], selection.split)


def _class_summary(test_results: Results, name: str, threshold: float | None) -> dict[str, Any]:
    """The one-vs-rest figures of class ``name``, and what ``threshold`` (0 to 1) does.

    Raises:
        BadInputError: the model knows no such class.
    """
    if name not in test_results.classes:
        raise BadInputError(f"The model knows {', '.join(test_results.classes)}, not {name}.")
    label = test_results.classes.index(name)
    roc = curve(
        test_results.probabilities[:, label], test_results.labels == label, test_results.groups
    )
    summary = thresholds.summary(name, roc)
    return (
        summary
        if threshold is None
        else summary | {"at": thresholds.as_json(thresholds.call(roc, threshold))}
    )


def _print_slices(slices: dict[str, Any]) -> None:
    print(slices["finding"])
    for row in slices["slices"]:
        low, high = row["interval"]
        print(
            f"{'worse' if row['worse'] else '':6}{row['accuracy']:6.1%} ({low:.1%} to {high:.1%}) "
            f"of {row['pictures']}, of the rest {row['rest']:.1%}, by chance "
            f"{slice_discovery.by_chance(row['adjusted'])}: {row['kind'].lower()}: {row['name']} "
            f"{row['word'] and '(' + row['word'] + ')'}"
        )
    if slices["tried"]:
        print(f"{slices['method']} for {slices['tried']} groups.")


def _print_class(summary: dict[str, Any]) -> None:
    name = summary["class"]
    if "roc_auc" in summary:
        low, high = summary["roc_auc_interval"]
        print(
            f"{name} is ranked above another in {summary['roc_auc']:.1%} of pairs ({low:.1%} to "
            f"{high:.1%}; ROC AUC). Average precision {summary['average_precision']:.1%}."
        )
    else:
        print(
            f"{summary['pictures']} of {name} and {summary['others']} others: too few for curves."
        )
    for key, description in (
        ("for_precision", "95 % precision"),
        ("for_recall", "95 % recall"),
        ("at", ""),
    ):
        point = summary.get(key)
        if point:
            at = f" ({description})" if description else ""
            print(
                f"From {point['threshold']:.1%} on{at}: {point['called']} called {name}, "
                f"{point['hits']} of them rightly, {point['missed']} missed."
            )
        elif description and key in summary:
            print(f"No threshold for {description}.")
