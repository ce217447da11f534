"""Every model of the registry trains on any channels and sizes, and is resumed and kept whole."""

from pathlib import Path

import pytest
import torch

from ml.config import TrainConfig
from ml.data.datamodule import BatchLoader
from ml.export.weights import save_weights
from ml.models import Inputs, ModelInfo, all_models, build
from ml.models.network import Network
from ml.runs.choices import RunChoices
from ml.training.checkpoints import newest
from ml.training.task import ClassifierTask
from ml.training.trainer import make_trainer

pytestmark = pytest.mark.slow
CHANNELS, SIZES, CLASSES = (1, 3, 4), (28, 64, 225), 3
HEAVY = 100_000_000
"""Models of more multiply-accumulates than this (at the size that they are listed with) take
minutes for all pictures. The suite trains them at their least size on colours, and sees that they
take the others without computing them. The rest is trained by ``-m every_model``."""


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are half a gigabyte in the largest case, and deleted at once."""
    monkeypatch.setattr("os.fsync", lambda file: None)


def batch(size: int, channels: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two pictures, uint8 (2, S, S, C): the fewest that batch normalisation takes."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, size, size, channels)
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return pictures, torch.tensor([0, CLASSES - 1]), torch.arange(2)


def fit(network: Network, epochs: int, inputs: Inputs, resume: Path | None = None):
    """Train on the CPU, one step an epoch, as if there were two; the trainer.

    Gradients are shortened: where the last map has one place, batch normalisation of two pictures
    has two values for each channel, and makes those of a deep network as large as 1e8.
    """
    config = TrainConfig(
        optimizer="sgd",
        learning_rate=1e-3,
        schedule="constant",
        clip_norm=1.0,
        epochs=epochs,
        batch_size=2,
    )
    trainer = make_trainer(config, RunChoices("cpu", precision="32"), [])
    task = ClassifierTask(network, config, 2)
    pictures, labels, _ = batch(inputs.size, inputs.channels, 0)
    data = BatchLoader(pictures, labels, 2)
    trainer.fit(task, data, data, ckpt_path=resume, weights_only=True)
    return trainer


def made(model: ModelInfo, inputs: Inputs) -> Network:
    torch.manual_seed(1)
    return build(model.name, inputs)


def inputs_of(model: ModelInfo) -> list[Inputs]:
    """The pictures that every model is tried with, none smaller than the model takes."""
    sizes = sorted({max(size, model.min_size) for size in SIZES})
    return [Inputs(channels, size, CLASSES) for size in sizes for channels in CHANNELS]


LISTED = [pytest.param(model, id=model.name) for model in all_models()]
TRAINED = [
    pytest.param(
        model,
        inputs,
        id=f"{model.name}-{inputs.channels} channels-{inputs.size} px",
        marks=[pytest.mark.every_model] if model.macs > HEAVY and number != 1 else [],
    )
    for model in all_models()
    for number, inputs in enumerate(inputs_of(model))
]


@pytest.mark.parametrize("model", LISTED)
def test_a_model_takes_any_channels_and_sizes(model: ModelInfo) -> None:
    for inputs in inputs_of(model):
        with torch.device("meta"):  # shapes alone
            network = build(model.name, inputs).eval()
            shown = torch.zeros(2, inputs.size, inputs.size, inputs.channels, dtype=torch.uint8)
            logits, features, feature_map, *_ = network.all_outputs(shown)
        assert logits.shape == (2, CLASSES)
        assert features.ndim == 2
        assert feature_map.ndim == 4


@pytest.mark.parametrize(("model", "inputs"), TRAINED)
def test_a_model_trains_resumes_and_reloads_to_the_same_result(
    model: ModelInfo, inputs: Inputs, tmp_path: Path
) -> None:
    resumes_and_reloads(model, inputs, tmp_path)


def resumes_and_reloads(model: ModelInfo, inputs: Inputs, tmp_path: Path) -> None:
    """What every model has to do, those of plugins too."""
    resumed = made(model, inputs)
    before = {name: value.clone() for name, value in resumed.named_parameters()}
    fit(resumed, 1, inputs).save_checkpoint(tmp_path / "last")
    checkpoint = newest(tmp_path, "last")
    assert checkpoint
    resumed = made(model, inputs)
    fit(resumed, 2, inputs, checkpoint[0])
    checkpoint[0].unlink()
    trained = made(model, inputs)
    fit(trained, 2, inputs)
    expected = trained.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.state_dict().items())
    assert any(not torch.equal(value, expected[name]) for name, value in before.items())

    path = tmp_path / "weights.pt"
    save_weights(trained, path)
    with torch.device("meta"):  # the weights of the new one all come from the file
        reloaded = build(model.name, inputs)
    reloaded.load_state_dict(torch.load(path, weights_only=True), assign=True)
    path.unlink()
    shown = batch(inputs.size, inputs.channels, 7)[0]
    with torch.inference_mode():
        logits = trained.eval()(shown)
        assert logits.isfinite().all()
        assert torch.equal(reloaded.eval()(shown), logits)
