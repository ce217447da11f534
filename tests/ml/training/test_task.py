"""The shared step, its figures and its optimizer, against hand counts."""

import itertools

import pytest
import torch

from ml.config import TrainConfig
from ml.data.datamodule import BatchLoader
from ml.runs.choices import RunChoices
from ml.training.optim.lr_schedule import factor
from ml.training.task import ClassifierTask
from ml.training.trainer import make_trainer


def task(**settings) -> ClassifierTask:
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    return ClassifierTask(module, TrainConfig(**settings), total_steps=100)


def test_weight_decay_leaves_biases_and_normalisation_alone() -> None:
    made = task(weight_decay=0.5)
    decayed, free = made.configure_optimizers().param_groups
    assert decayed["weight_decay"] == 0.5
    assert free["weight_decay"] == 0.0
    assert [p.shape for p in decayed["params"]] == [torch.Size([3, 4])]
    assert len(free["params"]) == 3


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_optimizer_is_the_one_that_was_asked_for(name: str) -> None:
    configured = task(optimizer=name, learning_rate=0.3, momentum=0.7).configure_optimizers()
    assert type(configured).__name__.lower() == name
    if name == "sgd":
        assert configured.param_groups[0]["momentum"] == 0.7


def test_mistakes_are_the_most_confident_wrong_validation_pictures() -> None:
    made = ClassifierTask(torch.nn.Identity(), TrainConfig(), 1, ids=["a", "b", "c", "d"])
    logits = torch.tensor([[4.0, 0.0], [0.0, 1.0], [0.0, 3.0], [2.0, 0.0]])
    labels = torch.tensor([0, 0, 0, 1])
    trainer = make_trainer(TrainConfig(), RunChoices("cpu", precision="32"), [])
    trainer.validate(made, BatchLoader(logits, labels, 3), verbose=False)
    assert [(m["picture"], m["label"], m["predicted"]) for m in made.mistakes] == [
        ("c", 0, 1),
        ("d", 1, 0),
        ("b", 0, 1),
    ]
    assert made.mistakes[0]["probability"] == pytest.approx(0.9526, abs=1e-3)
    assert made.val_meter.total().accuracy == 0.25


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
def test_every_schedule_stays_between_nothing_and_the_rate(schedule: str) -> None:
    factors = [factor(schedule, step, 200) for step in range(200)]
    assert max(factors) <= 1.0
    assert min(factors) > 0.0
    assert max(factors) > 0.98


def test_onecycle_rises_for_a_quarter_and_then_falls_to_nearly_nothing() -> None:
    factors = [factor("onecycle", step, 401) for step in range(401)]
    assert factors.index(max(factors)) == 100
    assert factors[0] == pytest.approx(1 / 25)
    assert factors[-1] == pytest.approx(1e-3)
    assert all(a < b for a, b in itertools.pairwise(factors[:101]))
    assert all(a > b for a, b in itertools.pairwise(factors[100:]))


def test_steps_beyond_the_plan_do_not_turn_the_schedule_round() -> None:
    assert factor("onecycle", 500, 100) == factor("onecycle", 99, 100)
