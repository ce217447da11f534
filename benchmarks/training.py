"""Our Trainer path with live metrics is 2.5 (32 channels) and 3.5 times (8 channels, augmented) as
fast as the tutorial loop under a default Lightning Trainer, and reaches 0.90 and 0.80 of bare
forward and backward on one resident batch; Lightning costs at most 0.35 ms a step.

    python -m benchmarks.training [FOLDER with the four IDX files of Fashion-MNIST]

Without a folder it takes the bundled 2,000 pictures. All by CPU time of one thread, in turn, so
that a busy machine decides nothing; the median of ROUNDS rounds is what counts. The tutorial has a
process of its own, whose memory is managed as in anybody's script; ours and the bare loop have a
process that is set up as a training's.
"""

import contextlib
import gzip
import logging
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ml.config import TrainConfig
from ml.data.augment.batch import Augment
from ml.data.datamodule import BatchLoader, ResidentData
from ml.data.sources.folders import BUNDLED
from ml.hardware import keep_freed_memory
from ml.models.network import Network
from ml.runs.choices import RunChoices
from ml.training.callbacks import LiveMetrics
from ml.training.task import ClassifierTask
from ml.training.trainer import make_trainer

ROUNDS = 5
STEPS = 300
BATCH = 64
CLASSES = 10
RECIPE = TrainConfig(
    optimizer="sgd", learning_rate=0.01, momentum=0.0, weight_decay=0.0, batch_size=BATCH
)
"""The article's: plain SGD."""


def network(channels: int) -> Network:
    """The CNN that all of them train: two 3x3 convolutions with pooling, one linear layer."""
    body = nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
    neck = nn.Flatten()
    return Network(body, neck, nn.Linear(channels * 49, CLASSES))


class Data(ResidentData):
    """The training pictures, resident."""

    def __init__(self, pixels: torch.Tensor, labels: torch.Tensor, augmented: bool) -> None:
        super().__init__()
        self.pixels, self.labels, self.augmented = pixels, labels, augmented

    def train_dataloader(self) -> BatchLoader:
        """Shuffled, and augmented where asked for."""
        augment = Augment("light", 0, len(self.labels)) if self.augmented else None
        return BatchLoader(self.pixels, self.labels, BATCH, seed=0, augment=augment)


class Tutorial(pl.LightningModule):
    """The article's LightningModule: logs the loss at each step."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        net = network(channels)
        self.net = nn.Sequential(net.body, net.neck, net.head)

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Mean loss."""
        x, y = batch
        loss = functional.cross_entropy(self.net(x), y)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD, as in the article."""
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Clock(pl.Callback):
    """CPU time from the first step to the last: setting up a Trainer is not a step."""

    def on_train_start(self, *args: object) -> None:
        """Start."""
        self.began = time.process_time()

    def on_train_end(self, trainer: pl.Trainer, *args: object) -> None:
        """Stop: milliseconds a step."""
        self.cost = 1000 * (time.process_time() - self.began) / trainer.global_step


def cpu_time(loop: Callable[[], int]) -> float:
    """Milliseconds of CPU time a step; ``loop`` returns how many steps it made."""
    began = time.process_time()
    steps = loop()
    return 1000 * (time.process_time() - began) / steps


def ours(channels: int, data: Data, precision: str) -> float:
    """A fit as in ``ml.training.train``, with live metrics: milliseconds a step."""
    clock = Clock()
    epochs = max(1, round(STEPS * BATCH / len(data.labels)))
    config = RECIPE.changed(epochs=epochs)
    net = network(channels).to(memory_format=torch.channels_last)
    task = ClassifierTask(net, config, STEPS)
    events: list[object] = []
    choices = RunChoices("cpu", precision=precision)
    live = LiveMetrics(events.append, classes=CLASSES)
    make_trainer(config, choices, [live, clock]).fit(task, data)
    return clock.cost


def bare(channels: int, data: Data, precision: str) -> float:
    """Forward and backward on one resident batch, in the same layout and precision."""
    net = network(channels).to(memory_format=torch.channels_last)
    pixels, labels = data.pixels[:BATCH].clone(), data.labels[:BATCH].clone()

    def loop() -> int:
        for _ in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                loss = functional.cross_entropy(net(pixels), labels)
            loss.backward()
            for parameter in net.parameters():
                parameter.grad = None
        return STEPS

    return cpu_time(loop)


def by_hand(channels: int, data: Data) -> float:
    """What ``ours`` does at each step, in a loop without Lightning."""
    task = ClassifierTask(network(channels).to(memory_format=torch.channels_last), RECIPE, STEPS)
    return cpu_time(lambda: _hand_loop(data, task))


def _hand_loop(data: Data, task: ClassifierTask) -> int:
    optimizer = task.configure_optimizers()
    steps = 0
    for _ in range(max(1, round(STEPS * BATCH / len(data.labels)))):
        for batch in data.train_dataloader():
            loss = task.training_step(batch, steps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
    return steps


def tutorial(channels: int, augmented: bool, folder: Path) -> float:
    """torchvision's dataset, ``ToTensor``, a DataLoader of 64, a default Trainer."""
    from torchvision import datasets, transforms

    steps = [transforms.RandomCrop(28, padding=3), transforms.RandomHorizontalFlip()]
    transform = transforms.Compose([*(steps if augmented else []), transforms.ToTensor()])
    loader = torch.utils.data.DataLoader(
        datasets.FashionMNIST(str(folder), train=True, transform=transform, download=False),
        batch_size=BATCH,
        shuffle=True,
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(sys.stderr):
        trainer = pl.Trainer(
            max_steps=STEPS, max_epochs=-1, default_root_dir=root, callbacks=[clock]
        )
        trainer.fit(Tutorial(channels), loader)
    return clock.cost


def apart(channels: int, augmented: bool, folder: Path) -> float:
    """``tutorial`` in a process of its own."""
    arguments = ["--tutorial", str(channels), str(int(augmented)), str(folder)]
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return float(process.stdout.split()[-1])


def unpacked(source: Path, target: Path) -> Path:
    """The IDX files where torchvision looks for them."""
    raw = target / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in source.glob("*-ubyte.gz"):
        with gzip.open(path) as packed, (raw / path.stem).open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    return target


def resident(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels uint8 (N, 28, 28, 1) and labels int64 (N,)."""
    raw = folder / "FashionMNIST" / "raw"
    pixels = np.frombuffer((raw / "train-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    labels = np.frombuffer((raw / "train-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)
    pixels = pixels.reshape(-1, 28, 28, 1).copy()
    return torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))


def measure(channels: int, augmented: bool, data: Data, root: Path) -> str:
    """One line: our step beside the others, each round in turn."""
    costs = {plan: min(bare(channels, data, plan) for _ in "ab") for plan in ("32", "bf16")}
    best = "bf16" if costs["bf16"] < 0.9 * costs["32"] else "32"
    rows = []
    for _ in range(ROUNDS):
        row = ours(channels, data, best), bare(channels, data, best)
        rows.append((*row, apart(channels, augmented, root), by_hand(channels, data)))
    our, limit, theirs, hand = (statistics.median(column) for column in zip(*rows, strict=True))
    times = statistics.median(row[2] / row[0] for row in rows)
    share = statistics.median(row[1] / row[0] for row in rows)
    own = statistics.median(row[0] - row[3] for row in rows)
    return (
        f"{channels:2} channels{', augmented' if augmented else '':11} ({best:4}): ours {our:.2f}, "
        f"bare {limit:.2f}, tutorial {theirs:.2f}, ours without Lightning {hand:.2f} ms a step\n"
        f"    {times:.2f} times the tutorial, {share:.2f} of bare, Lightning costs {own:.2f} ms"
    )


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--tutorial"]:
        print(tutorial(int(sys.argv[2]), sys.argv[3] == "1", Path(sys.argv[4])))
        return
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLED / "fashion"
    keep_freed_memory()
    print(f"{ROUNDS} rounds of {STEPS} steps of {BATCH}, one thread, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        root = unpacked(source, Path(folder))
        pixels, labels = (part[: STEPS * BATCH] for part in resident(root))
        for channels, augmented in ((32, False), (8, True)):
            print(measure(channels, augmented, Data(pixels, labels, augmented), root), flush=True)


if __name__ == "__main__":
    main()
