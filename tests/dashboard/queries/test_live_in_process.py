"""The live view draws the same from a callback in this process and from a worker's log."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.server.static import ROOT
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored_in
from ml.config import TrainConfig
from ml.data import catalog
from ml.runs import folder as runs
from ml.runs.folder import Run
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.pages.test_train import figures

EPOCHS = 3


@pytest.fixture
def run(workspace: Workspace) -> Run:
    version = made_up_runs.dataset(workspace, each=20)
    config = TrainConfig(
        dataset="made",
        model="tutorial_net",
        epochs=EPOCHS,
        image_size=24,
        pretrained=False,
        freeze_backbone=False,
        batch_size=8,
        device="cpu",
        precision="32",
        threads=1,
    )
    return runs.create(workspace, config, catalog.run_record(version, 0))


def in_process() -> None:
    from dashboard.components.train.live_metrics import live_metrics
    from dashboard.queries import live
    from dashboard.state.page_states import TrainState
    from dashboard.state.stored import stored
    from dashboard.state.workspace import current_workspace
    from ml.runs.folder import list_runs
    from tests.helpers.in_process_training import fit

    if stored(TrainState).live is None:
        workspace = current_workspace()
        fit(workspace, list_runs(workspace)[0], live.session_sink())
    live_metrics(live.session_live())


def from_the_log() -> None:
    from dashboard.components.train.live_metrics import live_metrics
    from dashboard.queries import live
    from dashboard.state.workspace import current_workspace
    from ml.runs.folder import list_runs

    state = live.session_live()
    live.follow(list_runs(current_workspace())[0].folder, state)
    live_metrics(state)


def drawn(script: Callable[[], None]) -> tuple[dict[str, Any], Any]:
    """The figures that a page of this script draws, and what its session holds."""
    at = AppTest.from_function(script, default_timeout=200).run()
    assert not at.exception, at.exception
    return figures(at), stored_in(at.session_state, TrainState).live


# Lightning asks torch in a way that torch would rather not be asked.
@pytest.mark.filterwarnings("ignore:.*treespec.*")
@pytest.mark.filterwarnings("ignore:.*does not have many workers.*")
@pytest.mark.filterwarnings("ignore:GPU available but not used")
def test_a_callback_in_this_process_and_a_workers_log_draw_the_same_charts(
    workspace: Workspace, run: Run
) -> None:
    direct, state = drawn(in_process)
    assert [epoch["epoch"] for epoch in state["epochs"]] == [1, 2, 3]
    assert not (run.folder / "events.jsonl").exists()  # nothing went through a file

    command = [sys.executable, "-m", "ml", "train", "--run", run.id]
    environment = {**os.environ, "LENSMITH_WORKSPACE": str(workspace.root)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    followed, log_state = drawn(from_the_log)

    assert direct.keys() == followed.keys() == {"loss", "accuracy"}
    for name, figure in direct.items():
        assert figure["layout"] == followed[name]["layout"]
        for here, there in zip(figure["data"], followed[name]["data"], strict=True):
            assert here["y"] == pytest.approx(there["y"], abs=1e-3)
            assert {**here, "y": 0} == {**there, "y": 0}
    assert state["epochs"][-1].keys() == log_state["epochs"][-1].keys()
