"""A rehearsal measures what a training costs, leaves nothing but that, and runs are compared."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ml.config import TrainConfig
from ml.data.pixels.pixels import PixelSpec
from ml.hardware import describe, read_measurements
from ml.inference import model_folder
from ml.models import Inputs, build
from ml.runs.folder import list_runs
from ml.training import dry_run
from ml.training.cost import history as cost_history
from ml.training.cost.estimate import cost_key, ending, estimate
from ml.workspace import Workspace
from tests.conftest import ROOT
from tests.helpers.trained import dataset


def ml(workspace: Workspace, *arguments: str) -> dict:
    command = [sys.executable, "-m", "ml", *arguments, "--json"]
    done = subprocess.run(
        [*command, "--workspace", str(workspace.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_an_estimate_by_rehearsal_is_kept_with_the_run_beside_what_it_took(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset(workspace, "noise")
    settings = ["--dataset", "noise", "--model", "tutorial_net", "--epochs", "3"]
    settings += ["--set", "threads=1", "--set", "image_size=16", "--set", "precision=32"]
    estimated = ml(workspace, "estimate", *settings)
    assert estimated["measured"]
    assert not list_runs(workspace)
    assert any(key.startswith("cost ") for key in read_measurements(workspace))
    ml(workspace, "train", *settings)
    history = cost_history.read(list_runs(workspace)[0])
    expected, actual = history["expected"], history["actual"]
    assert expected["measured"]
    assert math.isclose(
        expected["seconds"], estimated["seconds"] - estimated["start_up"], rel_tol=0.01
    )
    assert actual["memory"] / 1.3 < expected["memory"] < 1.3 * actual["memory"]
    assert actual["disk"] / 2 < expected["disk"] < 2 * actual["disk"]
    assert actual["seconds"] > 0


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_what_is_measured_last_is_what_was_measured_first(
    workspace: Workspace, optimizer: str
) -> None:
    """Had the network learned its few pictures, its gradients would be too small to be computed at
    the usual speed."""
    config = TrainConfig().changed(
        model="tutorial_net", optimizer=optimizer, image_size=16, batch_size=8, precision="32"
    )
    network = build("tutorial_net", Inputs(3, 16, 3), pretrained=False)
    before = {name: value.clone() for name, value in network.named_parameters()}
    spec = PixelSpec(16, "rgb", "crop")
    dry_run.steps(workspace, network, config, torch.device("cpu"), spec, most=0.5)
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(("optimizer", "times"), [("sgd", 3), ("adamw", 4)])
def test_saving_network_and_optimizer_counts_after_each_epoch(optimizer: str, times: int) -> None:
    config = TrainConfig(epochs=5, optimizer=optimizer, pretrained=False, freeze_backbone=False)
    machine = describe()
    cost = {"start_up": 2.0, "build": 0.1, "step": 0.01, "validate": 0.01, "export": 1.0}
    cost |= {"torch": 0.1, "classify": 0.1, "model": 100.0, "memory": 1e9}
    key = cost_key(config, config.threads or machine.cores)
    quick, slow = (
        estimate(config, 100, machine, {key: cost | {"save": seconds}}).seconds
        for seconds in (0.5, 2.5)
    )
    assert slow - quick == pytest.approx(5 * times * 2.0)


def test_the_age_of_a_process_is_at_most_the_time_since_its_request() -> None:
    words = "import time; from ml.runs.status import age; print(age(), time.time())"
    began = time.time()
    child = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, check=True)
    age, now = map(float, child.stdout.split())
    assert 0 < age <= now - began + 0.05  # the system counts in hundredths of a second


def test_the_end_of_a_run_grows_with_pictures_unless_features_are_cached() -> None:
    cost = {"export": 2.0, "torch": 0.5, "classify": 0.25}
    unfrozen, frozen = (TrainConfig(pretrained=one, freeze_backbone=one) for one in (False, True))
    assert ending(unfrozen, cost, 10, 100) == pytest.approx(2 + 100 * 0.5 + 110 * 0.25)
    assert ending(unfrozen, cost, 10, 9000) == pytest.approx(2 + 1000 * 0.5 + 9010 * 0.25)
    assert ending(frozen, cost, 10, 100) == ending(frozen, cost, 1000, 9000)
    assert ending(frozen, cost, 10, 8) == pytest.approx(2 + 8 * 0.75)


def test_a_dry_run_tests_the_file_with_the_batch_size_of_a_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def run_session(session, pixels):
        asked.append(len(pixels))
        return model_folder.run_session(session, pixels)

    monkeypatch.setattr(dry_run, "run_session", run_session)
    settings = {"model": "tutorial_net", "pretrained": False, "freeze_backbone": False}
    config = TrainConfig(dataset="noise", image_size=64, batch_size=4, threads=1, **settings)
    cost = dry_run.rehearse(workspace, config, 2)
    assert max(asked) == model_folder.batch_of(64) == 98
    assert cost["save"] > 0
    assert not list(workspace.root.glob(".rehearsal-*"))
