"""The section that makes the files of a classifier and downloads them, on each page that has it."""

import pytest

from ml.export import record
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

PARITY = {
    "images": 30,
    "top1_agreement": 1.0,
    "max_probability_difference": 2e-5,
    "milliseconds": 3.2,
}


@pytest.fixture
def run(workspace):
    return made_up_runs.colours(workspace, "Colours")


def labels_of(at):
    return [button.label for button in at.main.button]


@pytest.mark.parametrize("page", ["evaluate", "classify", "train"])
def test_a_finished_run_is_offered(run, page):
    at = visit(page, run=run.id)
    assert "Take it away" in words(at)
    assert labels_of(at).count("Make it") == 1
    assert not at.get("download_button") or page == "evaluate"


@pytest.mark.parametrize("page", ["evaluate", "classify", "train"])
def test_a_file_that_was_made_is_there_with_its_proof(run, page):
    record.folder_of(run).mkdir()
    path = record.folder_of(run) / f"{run.id}.zip"
    path.write_bytes(b"x" * 2_000_000)
    record.keep(run, "bundle", path, run.model, PARITY)
    at = visit(page, run=run.id)
    assert "Make it" not in labels_of(at)
    assert "Download, 2.0 MB" in [one.label for one in at.get("download_button")]
    assert "Tried on 30 test pictures: the same class for 100 %" in words(at)


def test_a_file_of_an_earlier_model_is_not_offered(run):
    record.folder_of(run).mkdir()
    path = record.folder_of(run) / f"{run.id}.zip"
    path.write_bytes(b"x")
    record.keep(run, "bundle", path, {"sha256": {"model.onnx": "of another"}}, PARITY)
    assert "Make it" in labels_of(visit("classify", run=run.id))


@pytest.mark.parametrize("page", ["evaluate", "classify", "train"])
def test_strangers_are_not_offered_it(run, page, monkeypatch):
    monkeypatch.setenv("LENSMITH_PUBLIC", "1")
    assert "Take it away" not in words(visit(page, run=run.id))


def test_the_list_of_runs_leads_to_it(run):
    at = visit("runs")
    at.get("menu_button")[0].click("Take it away").run()
    assert "Take it away" in words(at)


def test_the_other_formats_are_in_a_fold(run):
    at = visit("classify", run=run.id)
    fold = next(one for one in at.expander if one.label == "Other formats")
    assert not fold.button
