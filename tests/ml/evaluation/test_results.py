"""Results as they are read, of an earlier Lensmith's reports too."""

import numpy as np

from dashboard.queries import run_comparison, run_list
from dashboard.text.markdown import plain
from ml.data.store.versions import write_version
from ml.evaluation import results
from ml.metrics import predictions
from ml.text.format import span
from tests.helpers import made_up_runs


def grouped_run(workspace):
    """A run over pictures in groups of five, whose report does not know that."""
    version = made_up_runs.dataset(workspace)
    items = [item._replace(group=f"g{n // 5}") for n, item in enumerate(version.items)]
    about = {"width": 48, "height": 48, "colour": True, "bytes": 1}
    version = write_version(workspace, "grouped", version.classes, tuple(items), about)
    return made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 3))


def test_groups_are_counted_in_a_report_that_did_not(workspace):
    run = grouped_run(workspace)
    read = results.read(workspace, run)
    assert read.groups.tolist() == [n // 5 for n in range(30)]
    assert read.report["groups"]["count"] == 6
    before, after = run.report["intervals"]["accuracy"], read.report["intervals"]["accuracy"]
    assert after[1] - after[0] > before[1] - before[0]
    assert (
        read.report["per_class"][0]["recall_interval"]
        != (run.report["per_class"][0]["recall_interval"])
    )


def test_noted_groups_outlive_the_data_set(workspace, tmp_path):
    run = grouped_run(workspace)
    path = run.folder / predictions.FILE
    answers = predictions.load(path)
    assert answers.groups is None
    groups = np.arange(30) // 3
    predictions.Predictions(
        answers.indices, answers.labels, answers.logits, answers.hashes, groups
    ).save(path)
    assert predictions.load(path).groups.tolist() == groups.tolist()
    assert results.read(workspace, run).report["groups"]["count"] == 10


def test_the_report_of_a_run_is_completed_wherever_it_is_shown(workspace):
    run = grouped_run(workspace)
    wanted = results.read(workspace, run).report
    assert results.own_report(run) == wanted != run.report
    assert list(run_list.row(run.folder).interval) == wanted["intervals"]["accuracy"]
    column = run_comparison.comparison_table([(run, "A")])["A"]
    assert any(plain(span(wanted["intervals"]["accuracy"])) in cell for cell in column)
    assert not any(plain(span(run.report["intervals"]["accuracy"])) in cell for cell in column)
    (run.folder / predictions.FILE).write_bytes(b"damaged")
    assert results.own_report(run) == run.report


def test_a_set_without_groups_reads_as_before(workspace):
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    read = results.read(workspace, run)
    assert read.groups is None
    assert read.report == run.report
