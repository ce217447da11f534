"""The settings of a recipe in real runs: averages, accumulation, clipping, warm-up, resumed."""

import itertools
from typing import Any

import pytest
import torch

from ml.config import TrainConfig
from ml.data.datamodule import BatchLoader, count_steps
from ml.errors import BadInputError
from ml.runs.choices import RunChoices
from ml.training import checkpoints
from ml.training.callbacks import StopRequest
from ml.training.optim.lr_schedule import TAIL_RATE, factor
from ml.training.optim.weight_averaging import UPDATE_STEPS, Averaging
from ml.training.task import ClassifierTask
from ml.training.train import train
from ml.training.trainer import make_trainer
from tests.ml.training.test_train import noise, start, weights  # noqa: F401

CHOICES = RunChoices("cpu", precision="32")


def fit(loader: BatchLoader, epochs: int = 1, **settings: Any) -> tuple[Any, list[torch.Tensor]]:
    """A trained linear classifier, and its weights after each optimizer step."""
    torch.manual_seed(0)
    module = torch.nn.Linear(6, 3)
    config = TrainConfig(epochs=epochs, optimizer="sgd", momentum=0.0, schedule="constant")
    config = config.changed(learning_rate=0.1, weight_decay=0.0, **settings)
    total = count_steps(len(loader.labels), config.changed(batch_size=loader.batch_size)) * epochs
    task = ClassifierTask(module, config, total, classes=3)
    seen: list[torch.Tensor] = []
    optimizer = task.configure_optimizers()
    optimizer.register_step_post_hook(lambda *_: seen.append(module.weight.detach().clone()))
    task.configure_optimizers = lambda: optimizer
    average = Averaging(config.average, total) if config.average != "none" else None
    trainer = make_trainer(config, CHOICES, [average] if average else [])
    trainer.fit(task, loader, loader)
    return module, seen


def loader(count: int = 64, batch: int = 8) -> BatchLoader:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 6, generator=generator)
    return BatchLoader(inputs, torch.randint(0, 3, (count,), generator=generator), batch)


def test_adding_up_batches_is_a_larger_batch() -> None:
    parts, steps = fit(loader(batch=8), epochs=2, accumulate=4)
    single, larger = fit(loader(batch=32), epochs=2)
    assert len(steps) == len(larger) == 4
    torch.testing.assert_close(parts.weight, single.weight)
    assert count_steps(65, TrainConfig(batch_size=8, accumulate=4)) == 2


def test_no_change_is_larger_than_the_clipped_gradient_allows() -> None:
    _, free = fit(loader(), epochs=2)
    _, clipped = fit(loader(), epochs=2, clip_norm=0.05)

    def longest(steps: list[torch.Tensor]) -> float:
        return max(float((b - a).norm()) for a, b in itertools.pairwise(steps))

    assert longest(free) > 0.1 * 0.05
    assert longest(clipped) <= 0.1 * 0.05 * 1.0001


def test_swa_ships_the_mean_of_the_weights_of_the_last_quarter() -> None:
    module, steps = fit(loader(count=64 * 16), epochs=1, average="swa")
    assert len(steps) == 128
    taken = [steps[step] for step in range(UPDATE_STEPS - 1, 128, UPDATE_STEPS) if step >= 96]
    torch.testing.assert_close(module.weight, torch.stack(taken).mean(0), atol=2e-5, rtol=0)


def test_ema_lies_between_the_weights_that_it_averages() -> None:
    module, steps = fit(loader(count=64 * 16), epochs=1, average="ema")
    late = torch.stack(steps[-64:])
    assert not torch.equal(module.weight, steps[-1])
    assert bool((module.weight >= late.min(0).values - 1e-6).all())
    assert bool((module.weight <= late.max(0).values + 1e-6).all())


def test_the_warm_up_that_was_asked_for_beats_that_of_the_schedule() -> None:
    for schedule in ("constant", "cosine", "onecycle"):
        factors = [factor(schedule, step, 101, warm_up=0.4) for step in range(101)]
        assert factors[:41] == sorted(factors[:41])
        assert factors[40] == max(factors) == 1.0
        assert factor(schedule, 0, 101, warm_up=0.0) == 1.0
    assert factor("cosine", 100, 101, floor=TAIL_RATE) == TAIL_RATE


RECIPE = {
    "optimizer": "muon",
    "average": "ema",
    "balance": "sampling",
    "accumulate": 2,
    "clip_norm": 1.0,
    "warm_up": 0.1,
}


def test_a_whole_recipe_stopped_and_resumed_is_the_same_as_never_stopped(
    workspace,
    start,  # noqa: F811
    monkeypatch,
) -> None:
    straight = start(**RECIPE)
    assert train(workspace, straight).outcome == "finished"
    parted, steps = start(**RECIPE), []

    def stop_in_the_third_epoch(self, *args: Any, **kwargs: Any) -> None:
        steps.append(0)
        if len(steps) == 24:
            (parted.folder / "stop").touch()
        self.check()

    with monkeypatch.context() as patched:
        patched.setattr(StopRequest, "on_train_batch_end", stop_in_the_third_epoch)
        assert train(workspace, parted).outcome == "stopped"
    (parted.folder / "stop").unlink()
    assert train(workspace, parted).outcome == "finished"
    assert weights(parted) == weights(straight)
    best = [checkpoints.newest(run.folder / "checkpoints", "best") for run in (straight, parted)]
    assert best[0][1] == best[1][1]


def test_what_is_kept_as_best_is_the_average_that_was_judged(workspace, start) -> None:  # noqa: F811
    run = start(**RECIPE | {"epochs": 1})
    train(workspace, run)
    folder = run.folder / "checkpoints"
    best = checkpoints.load(checkpoints.newest(folder, "best")[0])["weights"]
    last = checkpoints.load(checkpoints.newest(folder, "last")[0])
    name = "head.1.weight"
    assert torch.equal(best[name], last["state_dict"][f"module.{name}"])
    assert not torch.equal(best[name], last["current_model_state"][f"module.{name}"])


def test_a_recipe_field_that_is_out_of_range_is_a_sentence() -> None:
    for field, value in (("average", "mean"), ("balance", "all"), ("accumulate", 0)):
        with pytest.raises(BadInputError, match=field):
            TrainConfig(**{field: value})
