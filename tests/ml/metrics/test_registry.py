"""One entry in the registry of metrics is enough: every place that shows metrics shows it."""

import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from dashboard.queries.run_comparison import comparison_table
from ml.__main__ import main
from ml.commands.runs import summary
from ml.evaluation import evaluate, results
from ml.metrics import registry, report
from ml.metrics.registry import LabelledLogits, metric
from ml.runs.folder import Run
from ml.sharing.html_report.page import page
from ml.workspace import Workspace
from tests.helpers.trained import trained

LABEL, HELP = "Matthews <b>", "Correlation of truth & guess."


@pytest.fixture
def scratch(monkeypatch):
    """The registry with one metric more, which is gone after the test."""
    registry.all_metrics()
    trained()  # its report is written without the metric
    monkeypatch.setattr(registry, "_metrics", dict(registry._metrics))

    @metric("matthews", label=LABEL, help=HELP, unit="number", interval=lambda answers: (0.25, 0.5))
    def matthews(answers: LabelledLogits) -> float:
        return float(matthews_corrcoef(answers.labels, answers.logits.argmax(axis=1)))


@pytest.fixture
def copied(tmp_path):
    """A copy of the session's trained run, whose report is older than the metric."""
    root = tmp_path / "copy"
    shutil.copytree(trained().workspace.root, root)
    return Workspace(root), Run(root / "runs" / trained().run.id)


def expected(workspace: Workspace, run: Run) -> float:
    answers = results.read(workspace, run)
    return float(matthews_corrcoef(answers.labels, answers.guesses))


def test_the_json_of_a_report_has_the_metric_and_its_interval(scratch, copied, capsys):
    workspace, run = copied
    assert main(["evaluate", run.id, "--workspace", str(workspace.root), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["matthews"] == pytest.approx(expected(workspace, run))
    assert printed["intervals"]["matthews"] == [0.25, 0.5]
    assert printed["accuracy"] == run.report["accuracy"]


def test_the_text_of_evaluate_has_the_metric(scratch, copied, capsys):
    workspace, run = copied
    assert main(["evaluate", run.id, "--workspace", str(workspace.root)]) == 0
    wanted = f"{LABEL} {expected(workspace, run):.3f} (0.250 to 0.500)"
    assert wanted in capsys.readouterr().out.splitlines()


def test_the_comparison_of_runs_has_a_row_for_the_metric(scratch, copied):
    workspace, run = copied
    measured = evaluate.evaluate(workspace, run)
    (run.folder / "report.json").write_text(json.dumps(measured), "utf-8")
    table = comparison_table([(run, "new"), (trained().run, "old")])
    rows = dict(zip(table[""], zip(table["new"], table["old"], strict=True), strict=True))
    new, old = rows[r"Matthews \<b\>"]
    assert new.startswith(f"{measured['matthews']:.3g}".replace(".", r"\."))
    assert "0\\.250 to 0\\.500" in new
    assert old == "–"
    assert summary(run)["metrics"]["matthews"] == measured["matthews"]
    assert "matthews" not in summary(trained().run)["metrics"]


def test_the_html_report_has_a_tile_for_the_metric(scratch, copied):
    workspace, run = copied
    text = page(workspace, run, evaluate.evaluate_results(workspace, run))
    assert "<h3>Matthews &lt;b&gt;</h3>" in text
    assert "0.250 to 0.500, 95 % interval" in text
    assert "Correlation of truth &amp; guess." in text


def test_a_report_from_before_the_metric_is_read_and_shown_without_it(scratch, copied):
    workspace, run = copied
    text = page(workspace, run, results.read(workspace, run))
    assert "Macro F1" in text
    assert "Matthews" not in text


def test_the_names_that_reports_have_on_disk_stay():
    names = [one.name for one in registry.all_metrics()]
    assert names == ["accuracy", "balanced_accuracy", "macro_f1", "loss"]
    assert list(trained().run.report["intervals"]) == names[:3]
    values = report.metric_values(np.eye(3, dtype=np.float32), np.arange(3))
    assert list(values) == names


def test_every_value_lies_within_its_interval():
    random = np.random.default_rng(0)
    logits = random.normal(size=(40, 3)).astype(np.float32)
    answers = LabelledLogits(logits, random.integers(0, 3, 40))
    for one in registry.all_metrics():
        if one.interval is not None:
            low, high = one.interval(answers)
            assert low <= one.function(answers) <= high


def test_a_name_is_taken_once(scratch):
    with pytest.raises(ValueError, match="two metrics named accuracy"):
        metric("accuracy", label="", help="")(lambda answers: 0.0)
