"""Every model of the registry trains on any channels and sizes, and is resumed and kept whole."""

import copy
from pathlib import Path

import pytest
import torch

from ml.config import TrainConfig
from ml.data.datamodule import BatchLoader
from ml.export.weights import save_weights
from ml.models import Inputs, ModelInfo, all_models, build
from ml.models.network import Network, count_features
from ml.task import ClassifierTask
from ml.train import make_trainer

CHANNELS, SIZES, CLASSES = (1, 3, 4), (28, 64, 225), 3
HEAVY = 100_000_000
"""Models of more multiply-accumulates than this (at the size that they are listed with) take one
size here, the least, with all channels: the others take minutes of CPU for all of them."""


def batch(size: int, channels: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two pictures, uint8 (2, S, S, C): the fewest that batch normalisation takes."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, size, size, channels)
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return pictures, torch.tensor([0, CLASSES - 1]), torch.arange(2)


def fit(network: Network, epochs: int, channels: int, size: int, resume: Path | None = None):
    """Train one step an epoch, two steps in all planned, on the CPU; the trainer."""
    config = TrainConfig(
        optimizer="sgd", learning_rate=1e-3, schedule="constant", epochs=epochs, batch_size=2
    )
    choices = {"precision": "32", "device": "cpu"}
    trainer = make_trainer(config, choices, [])
    task = ClassifierTask(network, config, 2)
    pictures, labels, _ = batch(size, channels, 0)
    data = BatchLoader(pictures, labels, 2)
    trainer.fit(task, data, data, ckpt_path=resume, weights_only=True)
    return trainer


def made(model: ModelInfo, channels: int, size: int) -> Network:
    torch.manual_seed(1)
    return build(model.name, Inputs(channels, size, CLASSES))


@pytest.mark.slow
@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.name)
def test_a_model_takes_two_steps_on_any_channels_and_sizes_and_answers_the_same_after_reload(
    model: ModelInfo, tmp_path: Path
) -> None:
    for side in SIZES:
        if side > 28 and model.macs > HEAVY:
            break
        size = max(side, model.min_size)
        for channels in CHANNELS:
            network = made(model, channels, size)
            before = copy.deepcopy(network.head.state_dict())
            fit(network, 2, channels, size)
            after = network.head.state_dict()
            assert any(not torch.equal(before[name], after[name]) for name in before)
            shown = batch(size, channels, 7)[0]
            path = tmp_path / "weights.pt"
            save_weights(network, path)
            with torch.device("meta"):  # the weights of the new one all come from the file
                again = build(model.name, Inputs(channels, size, CLASSES))
            again.load_state_dict(torch.load(path, weights_only=True), assign=True)
            with torch.inference_mode():
                logits, features, feature_map, *_ = network.eval().everything(shown)
                assert torch.equal(again.eval()(shown), logits)
                assert logits.shape == (2, CLASSES)
                assert logits.isfinite().all()
                assert feature_map.ndim == 4
                assert features.shape == (2, count_features(network, channels, size))


@pytest.mark.slow
@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.name)
def test_a_model_that_is_resumed_ends_as_one_that_was_never_stopped(
    model: ModelInfo, tmp_path: Path
) -> None:
    size = max(28, model.min_size)
    whole = made(model, 3, size)
    fit(whole, 2, 3, size)
    fit(made(model, 3, size), 1, 3, size).save_checkpoint(tmp_path / "last")
    resumed = made(model, 3, size)
    fit(resumed, 2, 3, size, tmp_path / "last")
    wanted = whole.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in resumed.state_dict().items())
