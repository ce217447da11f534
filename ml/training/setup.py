"""The steps that set up a training: machine, network, time plan, data, task and Trainer.

Each step reads and fills one ``TrainingContext``; ``ml.training.train`` calls them in order.
"""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.datamodule import count_batches, count_steps
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Pictures, open_pictures
from ml.distributed.group import ProcessGroup
from ml.hardware import keep_freed_memory, versions
from ml.models import Inputs, build, get, options_of
from ml.models.network import Network
from ml.runs.choices import RunChoices
from ml.runs.events import EpochEnd, Event, RunStarted, Sink, surviving
from ml.runs.folder import Run
from ml.text import training_sentences
from ml.training import checkpoints, profiling, time_limit
from ml.training.callbacks import KeepCheckpoints, LiveMetrics, StopRequest
from ml.training.cost import history as cost_history
from ml.training.cross_validation import steps_of
from ml.training.finetuning import Plan, features_plan, pixels_plan
from ml.training.optim.weight_averaging import averaging
from ml.training.phases import Progressing, phases
from ml.training.regression_head import STEPS_PER_EPOCH, RegressionTask
from ml.training.task import ClassifierTask
from ml.training.trainer import check_shares, machine_for, make_trainer
from ml.workspace import Workspace

SECONDS_AFTER_TRAINING = 2.0
"""A guess at evaluation and export, for the time left."""
log = logging.getLogger(__name__)


@dataclass
class TrainingContext:
    """What the steps of one training share. The steps fill the fields without a default.

    ``config`` is that of the run; once a time limit was planned for, with the epochs and views that
    have room. ``checkpoint`` is the file to go on from and its manifest entry, None at the start.
    """

    workspace: Workspace
    run: Run
    sink: Sink
    process_group: ProcessGroup
    config: TrainConfig
    record: dict[str, Any]
    history: list[Event]
    stop: StopRequest
    phase: Callable[[str], Progressing]
    spec: PixelSpec
    pictures: Pictures | None = None
    checkpoint: tuple[Path, dict[str, Any]] | None = None
    device: torch.device = field(init=False)
    choices: RunChoices = field(init=False)
    network: Network = field(init=False)
    gradient_group: ProcessGroup = field(init=False)
    """The processes that share the optimizer steps: all, or the leader alone for a head."""
    steps_per_epoch: int = field(init=False)
    plan: Plan = field(init=False)
    task: ClassifierTask = field(init=False)
    trainer: pl.Trainer = field(init=False)

    @classmethod
    def of(
        cls, workspace: Workspace, run: Run, sink: Sink, process_group: ProcessGroup
    ) -> "TrainingContext":
        """The context of a run before its first step. Raises BadInputError: damaged settings."""
        stop = StopRequest(run.folder / "stop")
        config = run.settings
        return cls(
            workspace=workspace,
            run=run,
            sink=sink,
            process_group=process_group,
            config=config,
            record=run.dataset,
            history=surviving(run.events()[0]),
            stop=stop,
            phase=phases(sink, stop),
            spec=PixelSpec(config.image_size, config.colour, config.fit),
        )

    @property
    def inputs(self) -> Inputs:
        """What the network is built for."""
        return Inputs(self.spec.channels, self.spec.size, len(self.record["classes"]))

    @property
    def opened(self) -> Pictures:
        """The pictures, which ``open_data`` has opened."""
        assert self.pictures is not None
        return self.pictures

    @property
    def step(self) -> int:
        """The optimizer steps that are done already."""
        return int(self.checkpoint[1]["step"]) if self.checkpoint else 0

    @property
    def total_steps(self) -> int:
        """The optimizer steps of the whole run."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def picture_counts(self) -> dict[str, int]:
        """How many pictures teach (``train``) and judge (``val``): of a regression, in turn, all
        but those of the test."""
        counts: dict[str, int] = dict(self.record["counts"])
        if self.config.regression:
            counts["train"] = counts["val"] = counts["train"] + counts["val"]
        return counts

    @property
    def rows(self) -> int:
        """How many training examples an epoch has."""
        views = self.config.feature_views if self.config.frozen else 1
        return int(self.record["counts"]["train"]) * views


def choose_machine(context: TrainingContext) -> None:
    """Choose device and threads; a resumed run keeps the choices of its first start."""
    keep_freed_memory()
    context.phase("prepare")(0.0)
    context.device, context.choices = machine_for(
        context.config, context.history, context.process_group
    )


def build_network(context: TrainingContext) -> None:
    """Build the network, after a download of its weights where these are not there yet."""
    config = context.config
    fetch = get(config.model).fetch
    if config.pretrained and fetch:
        fetch(context.phase("download"))
    torch.manual_seed(mix(config.seed, 0, 3))
    network = build(
        config.model, context.inputs, pretrained=config.pretrained, **options_of(config)
    )
    network.to(memory_format=torch.channels_last)
    context.network = network


def choose_precision(context: TrainingContext) -> None:
    """Choose 32 or 16 bits by a measurement, unless an earlier start has chosen."""
    if context.choices.precision is not None:
        return
    precision = "32"
    if (
        context.process_group.is_leader and not context.config.frozen
    ):  # a head takes milliseconds either way
        precision = profiling.precision(
            context.workspace,
            context.network.to(context.device),
            context.config,
            context.device,
            context.spec.channels,
        )
    context.choices = dataclasses.replace(context.choices, precision=precision)


def plan_time(context: TrainingContext) -> None:
    """Plan how many epochs have room in the time limit; the leader's choices become everybody's."""
    if context.config.minutes and context.choices.time is None:
        # The pictures come first: how much time they leave is known afterwards.
        open_data(context)
        if context.process_group.is_leader:
            plan = time_limit.plan(
                context.workspace,
                context.config,
                context.network,
                context.opened,
                context.device,
                context.choices.precision or "32",
            )
            context.choices = dataclasses.replace(context.choices, time=plan)
    context.choices = context.process_group.broadcast(context.choices)
    context.config = time_limit.applied(context.config, context.choices.time)


def divide_steps(context: TrainingContext) -> None:
    """Find the checkpoint to go on from, and how many steps each process takes in an epoch."""
    newest = checkpoints.newest(context.run.folder / "checkpoints", "last")
    context.checkpoint = context.process_group.broadcast(newest)
    # All processes compute the features of a frozen network; one process trains the head on them.
    context.gradient_group = ProcessGroup() if context.config.frozen else context.process_group
    world_size = context.gradient_group.rank_info.world_size
    context.steps_per_epoch = count_steps(
        context.rows, context.config, world_size, context.choices.batches
    )
    if context.config.regression:
        context.steps_per_epoch = STEPS_PER_EPOCH
    check_shares(context.config, context.rows, context.gradient_group)


def announce(context: TrainingContext) -> None:
    """Send ``RunStarted`` and the time plan, and note the expected cost of a new run."""
    config, counts = context.config, context.record["counts"]
    resumed = any(isinstance(event, RunStarted) for event in context.history)
    context.sink(
        RunStarted(
            model=config.model,
            dataset=config.dataset,
            epochs=config.epochs,
            steps_per_epoch=context.steps_per_epoch,
            epoch=context.checkpoint[1]["epoch"] if context.checkpoint else 0,
            step=context.step,
            resumed=resumed or context.checkpoint is not None,
            device=context.device.type,
            train_pictures=context.picture_counts["train"],
            versions=versions(),
            choices=context.choices.to_json(),
            unit="penalty" if config.regression else "epoch",
        )
    )
    log.info(training_sentences.reason(config, sum(counts.values())))
    if (
        context.checkpoint is None and context.process_group.is_leader
    ):  # nobody estimates the rest of a run
        cost_history.expect(context.workspace, context.run, config, counts)
    if context.pictures is not None and context.choices.time:  # it was planned just now
        batches = count_batches(context.rows, config.batch_size)
        context.sink(time_limit.note(context.choices.time, batches))


def open_data(context: TrainingContext) -> None:
    """Open the pixels of the run's pictures, which are prepared where they are not there yet."""
    if context.pictures is None:
        context.pictures = open_pictures(
            context.workspace, context.record, context.spec, progress=context.phase("prepare")
        )


def plan_training(context: TrainingContext) -> None:
    """Decide what is trained and on what: the whole network on pixels, or a head on features."""
    make = features_plan if context.config.frozen else pixels_plan
    context.plan = make(
        context.workspace,
        context.config,
        context.network,
        context.opened,
        context.device,
        context.phase("features"),
        context.process_group,
    )


def make_task(context: TrainingContext) -> None:
    """Make the LightningModule."""
    if context.plan.regression is not None:
        context.task = RegressionTask(
            context.plan.module,
            context.config,
            context.plan.regression,
            len(context.record["classes"]),
        )
        return
    context.task = ClassifierTask(
        context.plan.module,
        context.config,
        context.total_steps,
        ids=context.opened.hashes("val"),
        process_group=context.gradient_group,
        rates=context.plan.rates,
        classes=len(context.record["classes"]),
    )


def make_trainer_with_callbacks(
    context: TrainingContext, callbacks: Sequence[pl.Callback] = ()
) -> None:
    """Make the Trainer with the callbacks of every run, those of the plan, and ``callbacks``."""
    config, record, gradient_group = context.config, context.record, context.gradient_group
    live = LiveMetrics(
        context.sink,
        classes=len(record["classes"]),
        names=record["classes"],
        counts=context.picture_counts,
        seconds_after=SECONDS_AFTER_TRAINING,
        steps_after=steps_of(config, record["counts"]),
        earlier=[event for event in context.history if isinstance(event, EpochEnd)],
        process_group=gradient_group,
    )
    average = None if config.regression else averaging(config, context.total_steps)
    own: list[pl.Callback] = [live, StopRequest(context.stop.path, gradient_group)]
    own += [average] if average else []
    own.append(KeepCheckpoints(context.run.folder / "checkpoints", average))
    if context.choices.time and config.minutes and not config.frozen:  # a head takes no time
        ending = context.choices.time.ending
        own.append(time_limit.TimeUp(config, ending, context.sink, gradient_group))
    context.trainer = make_trainer(
        config,
        context.choices,
        [*own, *context.plan.callbacks, *callbacks],
        gradient_group.rank_info,
    )
