"""The Evaluate page, driven without a browser."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import engine
from tests.dashboard import fabricate


@pytest.fixture(autouse=True)
def _nothing_is_trained(monkeypatch):
    monkeypatch.setattr(engine.Dispatcher, "look", lambda self: None)


def visit(run: str | None = None) -> AppTest:
    at = AppTest.from_file(str(engine.ROOT / "streamlit_app.py"), default_timeout=30)
    if run:
        at.query_params["run"] = run
    at.run()
    at.switch_page("pages/evaluate.py").run()
    assert not at.exception, at.exception
    return at


def words(at: AppTest) -> str:
    return "\n".join([item.value for item in at.markdown] + [item.value for item in at.html])


def test_an_empty_workspace_leads_to_training(workspace):
    at = visit()
    assert "Nothing to evaluate yet" in words(at)
    assert [button.label for button in at.main.button] == ["Train a classifier"]


def test_the_headline_gives_accuracy_interval_and_baseline(workspace):
    version = fabricate.dataset(workspace)
    truth = fabricate.predictions(version)
    fabricate.finished(workspace, version, truth)
    right = np.mean(truth.logits.argmax(1) == truth.labels)
    text = words(visit())
    found = re.search(r"Accuracy (\d+) % \((\d+) to (\d+)\)\. .* gets (\d+) %", text)
    assert found
    accuracy, low, high, baseline = map(int, found.groups())
    assert accuracy == round(100 * right)
    assert low < accuracy < high
    assert baseline == round(100 / 3)
