"""A pretrained network thaws from the top down, at falling rates, the same way after a resume."""

import hashlib
import itertools
import threading
from typing import Any

import numpy as np
import pytest
import torch

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.features import logistic_regression
from ml.models import Inputs, build
from ml.models.network import Network
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd
from ml.runs.folder import Run
from ml.training import checkpoints, finetuning
from ml.training.optim.optimizer import groups, optimizer
from ml.training.train import train
from ml.training.unfreezing import Unfreezing, open_parts, parts_of, rates_of
from ml.workspace import Workspace
from tests.helpers.trained import dataset


@pytest.fixture(scope="module")
def network() -> Network:
    return build("efficientnet_lite0", Inputs(3, 32, 3))


class At:
    """A Trainer that is in some epoch."""

    def __init__(self, epoch: int) -> None:
        self.current_epoch = epoch


def test_the_parts_are_the_whole_network_below_its_head_each_weight_once(network: Network) -> None:
    in_parts = [p for part in parts_of(network) for module in part for p in module.parameters()]
    below = [*network.body.parameters(), *network.neck.parameters()]
    assert len(in_parts) == len(below)
    assert {id(p) for p in in_parts} == {id(p) for p in below}


def test_the_head_learns_fastest_and_each_part_below_at_its_share(network: Network) -> None:
    rate = rates_of(network, 0.5)
    assert rate("head.1.weight") == 1
    assert rate("body._conv_head.weight") == 0.5
    assert rate("body._conv_stem.weight") == 0.5 ** len(parts_of(network))
    scales = [rate(f"body._blocks.{n}._project_conv.weight") for n in range(16)]
    assert scales == sorted(scales)
    config = TrainConfig()
    assert {one["lr_scale"] for one in groups(network, config, rate)} == {0.5**n for n in range(7)}


def test_more_trains_from_epoch_to_epoch_until_all_does(network: Network) -> None:
    def state(epoch: int) -> set[str]:
        Unfreezing(network, 10).on_train_epoch_start(At(epoch), None)  # type: ignore[arg-type]
        assert not any(m.training for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d))
        return {name for name, p in network.named_parameters() if p.requires_grad}

    opened = [state(epoch) for epoch in range(7)]
    everything = {name for name, _ in network.named_parameters()}
    for before, after in itertools.pairwise(opened):
        assert before < after or before == everything
    assert "body._conv_head.weight" in opened[0]
    assert "body._conv_stem.weight" not in opened[4]
    assert opened[5] == everything
    assert state(0) == opened[0], "a function of the epoch alone"
    network.requires_grad_(True)


@pytest.mark.parametrize("epochs", [1, 2, 3, 10, 1000])
def test_however_many_epochs_there_are_the_last_one_trains_what_it_can(epochs: int) -> None:
    opened = [open_parts(epoch, epochs, 6) for epoch in range(epochs)]
    assert opened == sorted(opened)
    assert opened[0] >= 1
    assert opened[-1] == (6 if epochs > 1 else 3)


SETTINGS: dict[str, Any] = {
    "dataset": "noise",
    "model": "efficientnet_lite0",
    "epochs": 4,
    "image_size": 32,
    "batch_size": 16,
    "threads": 1,
    "precision": "32",
    "augment": "none",
    "freeze_backbone": False,
    "unfreeze": "gradual",
    "layer_decay": 0.7,
    "learning_rate": 3e-4,
    "device": "cpu",
}


def test_gradual_unfreezing_starts_from_the_best_head_and_resumes_exactly(
    workspace: Workspace,
) -> None:
    record = run_record(dataset(workspace, "noise", each=14), 0)

    def start() -> Run:
        run = runs.create(workspace, TrainConfig(**SETTINGS), record)
        queue.claim(run)
        return run

    def ended(run: Run) -> list[EpochEnd]:
        return [event for event in run.events()[0] if isinstance(event, EpochEnd)]

    def weights(run: Run) -> str:
        path = checkpoints.newest(run.folder / "checkpoints", "last")
        assert path is not None
        state = checkpoints.load(path[0])["state_dict"]
        return hashlib.sha256(b"".join(v.numpy().tobytes() for v in state.values())).hexdigest()

    uninterrupted, run = start(), start()
    assert train(workspace, uninterrupted).outcome == "finished"
    train_accuracy = ended(uninterrupted)[0].train_accuracy
    assert train_accuracy is not None
    assert train_accuracy > 0.5, "a head that knew nothing would start at a third"

    def stop() -> None:
        while not ended(run):
            threading.Event().wait(0.005)
        run.ask_to_stop()

    watcher = threading.Thread(target=stop)
    watcher.start()
    assert train(workspace, run).outcome == "stopped"
    watcher.join()
    assert 1 <= len(ended(run)) < 4, "it was stopped while parts were shut"
    queue.claim(run, resume=True)
    assert train(workspace, run).outcome == "finished"
    assert weights(run) == weights(uninterrupted)


def test_parameters_that_join_later_are_stepped_with_momentum() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    config = TrainConfig(optimizer="sgd", momentum=0.9, freeze_backbone=False, unfreeze="gradual")
    stepped = optimizer(module, config)
    before = module[0].weight.detach().clone()
    for joined in (False, True, True):
        stepped.zero_grad()
        module[0].requires_grad_(joined)
        module(torch.ones(3, 4)).square().sum().backward()
        stepped.step()
    assert not torch.equal(module[0].weight, before)


def test_a_new_head_has_its_rate_whatever_the_first_head_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build("tutorial_net", Inputs(3, 16, 3))

    def new_head(_workspace: Workspace, _config: TrainConfig, network: Network, *_: Any) -> None:
        width = next(network.head.parameters()).shape[1]
        network.head = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(width, 3))

    monkeypatch.setattr(finetuning, "start_head", new_head)
    pictures = open_pictures(
        workspace, run_record(dataset(workspace, "noise", each=14), 0), PixelSpec(16)
    )
    plan = finetuning.pixels_plan(
        workspace,
        TrainConfig(**{**SETTINGS, "image_size": 16}),
        network,
        pictures,
        torch.device("cpu"),
        lambda done: None,
    )
    assert plan.rates is not None
    names = [name for name, _ in network.named_parameters()]
    assert "head.1.weight" in names
    assert {name: plan.rates(name) for name in names}["head.1.weight"] == 1


def test_the_solver_finds_the_head_that_scikit_learn_finds() -> None:
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    for count, width in ((40, 90), (200, 12)):
        labels = random.integers(0, 3, count)
        features = random.normal(5, 2, (count, width)) + np.eye(3)[labels] @ random.normal(
            0, 1, (3, width)
        )
        features = features.astype(np.float32)
        head = logistic_regression.fit(features, labels, 3, penalty=0.1)
        scaled = ((features - head.mean) * head.scale).astype(np.float64)
        known = LogisticRegression(C=1 / (0.1 * count), tol=1e-9, max_iter=5000)
        expected = known.fit(scaled, labels).decision_function(scaled)
        logits = head.logits(features)
        centred = logits - logits.mean(1, keepdims=True)
        np.testing.assert_allclose(centred, expected - expected.mean(1, keepdims=True), atol=0.02)
