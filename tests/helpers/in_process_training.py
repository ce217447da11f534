"""Training in this very process, as a notebook does: Lightning and ``LiveMetrics``, no worker."""

import torch

from ml.data.augment.batch import mix
from ml.data.datamodule import count_batches
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.models import Inputs, build
from ml.runs.choices import RunChoices
from ml.runs.events import RunStarted, Sink
from ml.runs.folder import Run
from ml.training.callbacks import LiveMetrics
from ml.training.finetuning import pixels_plan
from ml.training.task import ClassifierTask
from ml.training.trainer import make_trainer
from ml.workspace import Workspace


def fit(workspace: Workspace, run: Run, sink: Sink) -> None:
    """Train what ``run`` says and send each figure to ``sink``; the run's folder is not touched."""
    config, record = run.config, run.dataset
    pictures = open_pictures(workspace, record, PixelSpec(config.image_size))
    torch.manual_seed(mix(config.seed, 0, 3))
    classes = len(record["classes"])
    network = build(config.model, Inputs(3, config.image_size, classes), pretrained=False)
    network.to(memory_format=torch.channels_last)
    device = torch.device("cpu")
    plan = pixels_plan(workspace, config, network, pictures, device, lambda share: None)
    steps = count_batches(record["counts"]["train"], config.batch_size)
    task = ClassifierTask(plan.module, config, steps * config.epochs, pictures.hashes("val"))
    started = RunStarted(config.model, config.dataset, config.epochs, steps)
    metrics = LiveMetrics(sink, started, classes=classes)
    trainer = make_trainer(config, RunChoices("cpu", precision="32"), [metrics])
    trainer.fit(task, datamodule=plan.data)
