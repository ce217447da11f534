"""The recipe of a training run: data, model, callbacks, Trainer, fit, evaluate and export.

A worker calls ``train`` with a run that it has claimed. Whatever happens, the last event of the log
says how it ended; what was best by then is evaluated and exported.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import torch

from ml.data.datamodule import SINGLE_PROCESS
from ml.distributed.group import (
    LOST_PROCESS,
    ChildProcess,
    destroy_process_group,
    init_process_group,
    is_lost_process,
    supervised_children,
    wait_for_children,
)
from ml.distributed.launch import RankInfo
from ml.errors import MLError, StoppedError
from ml.hardware import save_measurement
from ml.models import build, options_of
from ml.runs.events import EventLog, Note, RunEnded
from ml.runs.folder import Run
from ml.training import checkpoints, setup
from ml.training.callbacks import STOPPED
from ml.training.cost import history as cost_history
from ml.training.cost.estimate import speed_key
from ml.training.cross_validation import cross_validate
from ml.training.finalise import finalise
from ml.training.finetuning import Plan
from ml.training.phases import phases
from ml.training.process import heartbeat
from ml.training.regression_head import OutOfFold, RegressionTask
from ml.training.setup import TrainingContext
from ml.training.task import ClassifierTask
from ml.training.trainer import fit
from ml.utils.files import write_json
from ml.workspace import Workspace

MIN_STEPS_FOR_SPEED = 20
"""A measured speed that rests on no more optimizer steps is not remembered."""
log = logging.getLogger(__name__)


def train(
    workspace: Workspace,
    run: Run,
    *,
    callbacks: Sequence[pl.Callback] = (),
    finish: bool = True,
    rank_info: RankInfo = SINGLE_PROCESS,
    children: Sequence[ChildProcess] = (),
) -> RunEnded:
    """Train ``run``, from the start or from its last checkpoint, and say how it ended.

    Args:
        callbacks: more of them, called after those of every run.
        finish: whether it is tested and exported. Without that it has curves and checkpoints, and
            a later call without a step to go does the rest; its test pictures were not looked at.
        rank_info: the rank of this process, 0; the other ranks call ``join``.
        children: the processes that this one started.
    """
    sink, began = EventLog(run.folder / "events.jsonl"), time.monotonic()

    def gone() -> None:
        sink(RunEnded("failed", LOST_PROCESS, seconds=time.monotonic() - began))

    with heartbeat(sink):
        try:
            with supervised_children(children, gone):
                process_group = init_process_group(rank_info)
                process_group.broadcast(str(run.folder))
                context = TrainingContext.of(workspace, run, sink, process_group)
                fitted = _fit(context, callbacks)
            ended = _conclude(context, fitted, finish)
        except StoppedError as error:
            ended = RunEnded("stopped", str(error))
        except MLError as error:
            log.exception("The run failed.")
            ended = RunEnded("failed", str(error))
        except Exception as error:
            log.exception("The run failed.")
            unforeseen = f"Something unforeseen went wrong ({error}). See the log."
            ended = RunEnded("failed", LOST_PROCESS if is_lost_process(error) else unforeseen)
            if is_lost_process(error) and (run.folder / "stop").exists():
                ended = RunEnded("stopped", STOPPED)  # another rank saw the request first
        ended = dataclasses.replace(ended, seconds=time.monotonic() - began, time=time.time())
    if ended.outcome == "finished" and finish:  # a trial is not all that was expected
        cost_history.keep(run, ended.seconds)
    sink(ended)
    sink.close()
    destroy_process_group()
    wait_for_children(children)
    return ended


def join(workspace: Workspace, rank_info: RankInfo) -> None:
    """Train the run that the leader has made, together with it, and leave the rest to it."""
    process_group = init_process_group(rank_info)
    run = Run(Path(process_group.broadcast("")))
    with contextlib.suppress(StoppedError):
        _fit(TrainingContext.of(workspace, run, lambda event: None, process_group))


@dataclass(frozen=True)
class FitResult:
    """How the optimizer steps ended: what they learned is in the checkpoints.

    ``best`` is validation accuracy (0 to 1) and negative loss of the best epoch, None without one.
    """

    outcome: str
    reason: str = ""
    epochs: int = 0
    best: tuple[float, float] | None = None


def _fit(context: TrainingContext, callbacks: Sequence[pl.Callback] = ()) -> FitResult:
    """Everything up to the last optimizer step, by all ranks."""
    setup.choose_machine(context)
    setup.build_network(context)
    setup.choose_precision(context)
    setup.plan_time(context)
    setup.divide_steps(context)
    setup.announce(context)
    setup.open_data(context)
    setup.plan_training(context)
    if context.config.frozen and not context.process_group.is_leader:
        return FitResult("finished")  # the leader alone trains the head
    setup.make_task(context)
    setup.make_trainer_with_callbacks(context, callbacks)
    return _take_steps(context)


def _take_steps(context: TrainingContext) -> FitResult:
    """Run the Trainer, and remember the speed of training for later estimates."""
    config, trainer, threads = context.config, context.trainer, context.choices.threads
    began = time.monotonic()
    # Threads that wait for each other at every tiny step of a head cost more than they bring.
    torch.set_num_threads(1 if config.frozen else threads)
    checkpoint = context.checkpoint[0] if context.checkpoint else None
    outcome, reason = fit(trainer, context.task, context.plan, checkpoint)
    torch.set_num_threads(threads)
    steps = trainer.global_step - context.step
    if not config.frozen and steps > MIN_STEPS_FOR_SPEED and context.process_group.is_single:
        pictures = steps * config.batch_size * config.accumulate
        speed = pictures / max(1e-6, time.monotonic() - began)
        save_measurement(context.workspace, speed_key(config, threads), round(speed, 2))
    return FitResult(outcome, reason, trainer.current_epoch, context.task.best)


def _conclude(context: TrainingContext, fitted: FitResult, finish: bool) -> RunEnded:
    """What one process does after training: evaluate and export the best weights, fit the folds."""
    outcome, reason = fitted.outcome, fitted.reason
    destroy_process_group()
    best = checkpoints.newest(context.run.folder / "checkpoints", "best")
    if best is None:
        raise (StoppedError if outcome == "stopped" else MLError)(
            f"{reason or STOPPED} The first epoch was not over, so there is no model yet."
        )
    if not finish:
        accuracy, loss = fitted.best or (0.0, 0.0)
        validation = {"accuracy": accuracy, "loss": -loss}
        return RunEnded(outcome, reason, validation, epochs=fitted.epochs)
    _load_best(context, best[0])
    figures = _finalise(context)
    if context.config.folds and outcome == "finished":
        outcome, reason = _cross_validate(context)
    return RunEnded(outcome, reason, figures["validation"], figures["test"], fitted.epochs)


def _load_best(context: TrainingContext, checkpoint: Path) -> None:
    """Load the best weights into the network, or its head; after FSDP into a new network, since
    the parts of the old one cannot be put together."""
    config = context.config
    if not config.frozen and config.strategy == "fsdp":
        context.network = build(
            config.model, context.inputs, pretrained=False, **options_of(config)
        )
        context.plan = Plan(context.network, context.plan.data)  # nothing frozen: no features
    context.plan.module.load_state_dict(checkpoints.load(checkpoint)["weights"])


def _finalise(context: TrainingContext) -> dict[str, dict[str, float]]:
    """Evaluate and export. A request to stop is not heard: this is short and is carried through."""
    phase = phases(context.sink)

    def progress(name: str, fraction: float) -> None:
        phase(name)(fraction)

    context.network.cpu().eval()
    return finalise(
        context.run,
        context.network,
        context.opened,
        features=context.plan.features,
        out_of_fold=_out_of_fold(context.task),
        progress=progress,
        cache=context.workspace.graphs,
    )


def _out_of_fold(task: ClassifierTask) -> OutOfFold | None:
    """The out-of-fold answers of a regression; None for what was trained by gradient steps."""
    return task.result() if isinstance(task, RegressionTask) else None


def _cross_validate(context: TrainingContext) -> tuple[str, str]:
    """Cross-validate and add the result to the report: the outcome of the run and its sentence.

    The classifier is in place by now: a failure becomes a note and does not fail the run.
    """
    run, sink = context.run, context.sink
    try:
        folds = cross_validate(
            context.workspace,
            run,
            context.config,
            context.choices,
            context.network,
            context.opened,
            phases(sink, context.stop)("folds"),
        )
    except StoppedError as error:
        return "stopped", f"{error} The model is whole; its folds are not."
    except MLError as error:
        log.exception("The cross-validation failed.")
        sink(Note(f"The folds could not be fitted. {error}", "warning", "folds"))
        return "finished", ""
    if folds is None:
        sink(Note("There are too few pictures to train on folds of them.", "warning", "folds"))
    else:
        write_json(run.folder / "report.json", {**(run.report or {}), "folds": folds})
    return "finished", ""
