"""A limit of time: before the first step it is planned how much of a training has room in it.

What is planned is written into the run (``RunStarted.choices``) and is the same after a resume, so
that the clock decides nothing any more but in an emergency. Heavy: for child processes alone.
"""

import copy
import math
import time
from typing import Any

import lightning.pytorch as pl
import numpy as np
import psutil
import torch
from lightning.pytorch.callbacks import Callback

from ml.config import TrainConfig
from ml.data.datamodule import count_batches
from ml.data.pixels.feature_views import view
from ml.data.run_pictures import Pictures
from ml.distributed.group import ProcessGroup, StepInterval
from ml.features import extract as features
from ml.hardware import read_measurements, thread_count
from ml.models.network import Network, count_features, new_head
from ml.runs.choices import TimePlan
from ml.runs.events import Note, Sink
from ml.training import dry_run
from ml.training.cost.estimate import FINISH, HEAD_ROWS, OF_EPOCH, cost_key, ending
from ml.training.finetuning import backbone_forward
from ml.workspace import Workspace

MARGIN = 0.04
"""The share of the limit that is left free, since no measurement is exact."""
MEASURING = 0.04
"""The share of the limit that measuring the speed may take, about."""
BY_TORCH = 3.0
"""A frozen network by torch on a CPU takes so many times as long as by ONNX Runtime."""
CLOSING = 1.0
"""Seconds that a process takes to end."""
ASK_SECONDS = 0.2


def seconds_spent() -> float:
    """Seconds since this process was started, its imports and the pictures included."""
    return time.time() - psutil.Process().create_time()


def whole_epochs(seconds: float, batches: int, step: float, after: float, most: int) -> Any:
    """Epochs, and batches of each (0: all), that fill ``seconds`` best.

    All epochs are of the same length: where the time is not enough for the last one, each is a
    random part of the pictures.

    Args:
        batches: of an epoch over all pictures.
        step: seconds of a batch.
        after: seconds at the end of an epoch: validation, and what is kept.
        most: epochs, however much time there is.

    >>> whole_epochs(100.0, 90, 0.1, 1.0, most=30), whole_epochs(100.0, 90, 0.1, 1.0, most=5)
    ((10, 0), (5, 0))
    >>> whole_epochs(25.0, 90, 0.1, 1.0, most=30), whole_epochs(0.0, 90, 0.1, 1.0, most=30)
    ((3, 73), (1, 1))
    """
    room = seconds / (batches * step + after)
    epochs = min(most, max(1, math.ceil(room - 1e-9)))
    if room >= epochs - 1e-9:
        return epochs, 0
    part = int((seconds / epochs - after) / step)
    return epochs, min(max(part, 1), batches)


def plan(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
    precision: str,
) -> TimePlan:
    """What has room in ``config.minutes``, of which ``seconds_spent`` are gone; never more than
    configured.

    Raises:
        MLError: the memory does not suffice.
    """
    chance = torch.get_rng_state()
    work = _of_head if config.frozen else _of_network
    measured = work(workspace, config.changed(precision=precision), network, pictures, device)
    torch.set_rng_state(chance)
    return measured


def _left(config: TrainConfig, keep: float) -> float:
    """Seconds of training itself, in a run that fits folds too."""
    folds = 0.85 * max(0, config.folds - 1)
    return max(0.0, (60 * config.minutes * (1 - MARGIN) - seconds_spent() - keep) / (1 + folds))


def _ending(
    workspace: Workspace, config: TrainConfig, pictures: Pictures, torch: float, classify: float
) -> float:
    """Seconds after training, by a rehearsal, else from the two ways to classify a picture."""
    known = read_measurements(workspace).get(cost_key(config, thread_count(config.threads)))
    guess = {"export": FINISH, "torch": torch, "classify": classify}
    val, test = (len(pictures.indices(split)) for split in ("val", "test"))
    return CLOSING + ending(config, known if isinstance(known, dict) else guess, val, test)


def _of_network(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
) -> TimePlan:
    most = MEASURING * 60 * config.minutes
    double = copy.deepcopy(network).to(device)
    cost = dry_run.steps(workspace, double, config, device, pictures.spec, most)
    del double
    train, val = (len(pictures.indices(split)) for split in ("train", "val"))
    after = val * cost["validate"] + OF_EPOCH
    keep = _ending(workspace, config, pictures, 1.5 * cost["validate"], cost["validate"])
    left = _left(config, keep) - (train * cost["validate"] if config.way == "gradual" else 0.0)
    batches = count_batches(train, config.batch_size)
    step = config.batch_size * cost["step"]
    epochs, part = whole_epochs(left, batches, step, after, config.epochs)
    if config.folds:  # their epochs are whole
        epochs, part = max(1, epochs - bool(part)), 0
    elif part:  # whole changes of the weights
        part = max(1, part // config.accumulate) * config.accumulate
    return TimePlan(epochs=epochs, batches=part, ending=round(keep + after, 2))


def _of_head(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
) -> TimePlan:
    spec, train = pictures.spec, pictures.hashes("train")
    folder = workspace.features / features.key_of(config.model, network, spec.key)
    names = features.view_names(config.feature_views, features.policy_of(config))
    stores = [features.FeatureStore(folder / name) for name in names]
    everything = [one for split in ("train", "val", "test") for one in pictures.hashes(split)]
    lacking = [len(one.missing(train if n else everything)) for n, one in enumerate(stores)]
    seconds = 0.0
    if any(lacking):
        # With the head that it is exported with: what is traced for it now is not traced again.
        width = count_features(network, spec.channels, spec.size)
        network.head = new_head(width, len(pictures.classes))
        forward = backbone_forward(workspace, network, spec, device)
        few = list(zip(train, pictures.rows("train").tolist(), strict=True))[: features.BATCH]

        def look() -> None:
            last = config.feature_views - 1
            forward(np.stack([view(pictures.all_pixels[n], last, one, spec) for one, n in few]))

        look()
        seconds = dry_run.seconds_of(look, 1, MEASURING * 60 * config.minutes) / len(few)
    keep = _ending(workspace, config, pictures, BY_TORCH * seconds, seconds)
    left = _left(config, keep)

    def epoch(views: int) -> float:
        return views * len(train) / HEAD_ROWS + OF_EPOCH

    def all_of_it(views: int) -> float:
        return sum(lacking[:views]) * seconds + config.epochs * epoch(views)

    views = config.feature_views
    while views > 1 and all_of_it(views) > left:
        views -= 1
    room = int((left - lacking[0] * seconds) / epoch(1)) if views == 1 else config.epochs
    # The path of a regression takes a second: it is not cut short.
    epochs = config.epochs if config.regression else min(config.epochs, max(1, room))
    return TimePlan(epochs=epochs, views=views, ending=round(keep, 2))


def applied(config: TrainConfig, plan: TimePlan | None) -> TrainConfig:
    """``config`` with what was planned. Epochs that a resume asked for stay as they are."""
    if plan is None:
        return config
    views = config.feature_views if plan.views is None else plan.views
    epochs = plan.epochs if config.minutes else config.epochs
    return config.changed(epochs=epochs, feature_views=views)


def note(plan: TimePlan, batches: int) -> Note:
    """What was planned, in words. ``batches`` are those of an epoch over all pictures.

    >>> note(TimePlan(epochs=3, batches=73, ending=2.0), 100).text
    'There is time for 3 epochs, each over 73 % of the pictures.'
    """
    epochs, part, views = plan.epochs, plan.batches or 0, plan.views
    sentence = f"There is time for {epochs} epoch{'s' if epochs > 1 else ''}"
    if views is not None:
        sentence += f" over {views} view{'s' if views > 1 else ''} of each picture"
    elif part:
        sentence += f", {'each ' if epochs > 1 else ''}over {part / batches:.0%}".replace("%", " %")
        sentence += " of the pictures"
    if part and epochs * part < batches / 2:
        return Note(f"{sentence}. That is little: give it more.", "warning", "limit")
    return Note(f"{sentence}.", "info", "limit")


class TimeUp(Callback):
    """Ends the training, with a model, where it is slower than was measured and the time is over.

    Args:
        config: with a limit.
        ending: seconds that are needed after training.
    """

    def __init__(
        self, config: TrainConfig, ending: float, sink: Sink, process_group: ProcessGroup
    ) -> None:
        self.limit, self.sink, self.process_group = (
            60 * config.minutes - ending,
            sink,
            process_group,
        )
        self._interval = StepInterval(ASK_SECONDS, process_group)

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Whoever goes on with a run finishes it: its time is that of this process."""
        self._interval.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *args: Any) -> None:
        """Look at the clock, at most five times a second."""
        if trainer.should_stop or not self._interval.due():
            return
        if self.process_group.any(seconds_spent() > self.limit):
            trainer.should_stop = True
            share = trainer.global_step / max(1, pl_module.total_steps)
            text = f"The time was over after {100 * share:.0f} % of the steps that were planned."
            self.sink(Note(f"{text} The computer was slower than before.", "warning", "limit"))
