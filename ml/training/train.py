"""The recipe of a training run: data, model, callbacks, Trainer, fit, evaluate and export.

A worker calls ``train`` with a run that it has claimed. Whatever happens, the last event of the log
says how it ended; what was best by then is evaluated and exported.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from ml.config import TrainConfig
from ml.data.augment.batch import mix
from ml.data.datamodule import ALONE, count_batches, count_steps
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Pictures, open_pictures
from ml.distributed.group import LOST, Other, Team, end, is_lost, meet, part, watched
from ml.distributed.launch import Place
from ml.errors import MLError, StoppedError
from ml.hardware import keep_freed_memory, remember, versions
from ml.models import Inputs, build, get, options_of
from ml.models.network import Network
from ml.runs.events import EpochEnd, EventLog, Note, Progress, RunEnded, RunStarted, Sink, surviving
from ml.runs.folder import Run
from ml.text import training_sentences
from ml.training import checkpoints, profiling, time_limit
from ml.training.callbacks import STOPPED, KeepCheckpoints, LiveMetrics, StopRequest
from ml.training.cost import history as cost_history
from ml.training.cost.estimate import speed_key
from ml.training.cross_validation import cross_validate, steps_of
from ml.training.finalise import finalise
from ml.training.finetuning import Plan, features_plan, pixels_plan
from ml.training.optim.weight_averaging import averaging
from ml.training.process import heartbeat
from ml.training.task import ClassifierTask
from ml.training.trainer import check_shares, fit, machine_for, make_trainer
from ml.utils.files import write_json
from ml.workspace import Workspace

Progressing = Callable[[float], None]
log = logging.getLogger(__name__)


def train(
    workspace: Workspace,
    run: Run,
    *,
    callbacks: Sequence[pl.Callback] = (),
    finish: bool = True,
    place: Place = ALONE,
    others: Sequence[Other] = (),
) -> RunEnded:
    """Train ``run``, from the start or from its last checkpoint, and say how it ended.

    Args:
        callbacks: more of them, called after those of every run.
        finish: whether it is tested and exported. Without that it has curves and checkpoints, and
            a later call without a step to go does the rest; its test pictures were not looked at.
        place: of this process, which leads; the others call ``join``.
        others: the processes that this one has started.
    """
    sink, began = EventLog(run.folder / "events.jsonl"), time.monotonic()

    def gone() -> None:
        sink(RunEnded("failed", LOST, seconds=time.monotonic() - began))

    with heartbeat(sink):
        try:
            with watched(others, gone):
                team = meet(place)
                team.tell(str(run.folder))
                fitted = _fitted(workspace, run, sink, team, callbacks)
            ended = _whole(workspace, run, sink, fitted, finish)
        except StoppedError as error:
            ended = RunEnded("stopped", str(error))
        except MLError as error:
            log.exception("The run failed.")
            ended = RunEnded("failed", str(error))
        except Exception as error:
            log.exception("The run failed.")
            unforeseen = f"Something unforeseen went wrong ({error}). See the log."
            ended = RunEnded("failed", LOST if is_lost(error) else unforeseen)
            if is_lost(error) and (run.folder / "stop").exists():
                ended = RunEnded("stopped", STOPPED)  # the others were the first to see it
        ended = dataclasses.replace(ended, seconds=time.monotonic() - began, time=time.time())
    if ended.outcome == "finished" and finish:  # a trial is not all that was expected
        cost_history.keep(run, ended.seconds)
    sink(ended)
    sink.close()
    part()
    end(others)
    return ended


def join(workspace: Workspace, place: Place) -> None:
    """Train the run that the leader has made, together with it, and leave the rest to it."""
    team = meet(place)
    run = Run(Path(team.tell("")))
    with contextlib.suppress(StoppedError):
        _fitted(workspace, run, lambda event: None, team)


@dataclass(frozen=True)
class _Fitted:
    """What the training has left: what it learned is in the checkpoints."""

    config: TrainConfig
    choices: dict[str, Any]
    network: Network
    pictures: Pictures
    plan: Plan
    outcome: str
    reason: str
    epochs: int = 0
    best: tuple[float, float] | None = None


def _fitted(
    workspace: Workspace,
    run: Run,
    sink: Sink,
    team: Team,
    callbacks: Sequence[pl.Callback] = (),
) -> _Fitted:
    """Everything up to the last step, by all processes of the team."""
    config, record = run.settings, run.dataset
    stop = StopRequest(run.folder / "stop")
    keep_freed_memory()
    phase = _phases(sink, stop)
    phase("prepare")(0.0)
    history = surviving(run.events()[0])
    device, choices = machine_for(config, history, team)
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    classes = len(record["classes"])

    fetch = get(config.model).fetch
    if config.pretrained and fetch:
        fetch(phase("download"))
    torch.manual_seed(mix(config.seed, 0, 3))
    inputs = Inputs(spec.channels, spec.size, classes)
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(memory_format=torch.channels_last)
    frozen = config.freeze_backbone and config.pretrained
    if "precision" not in choices:
        choices["precision"] = (
            "32"
            if frozen or not team.leads  # a head takes milliseconds either way
            else profiling.precision(workspace, network.to(device), config, device, spec.channels)
        )
    opened: Pictures | None = None
    if config.minutes and "ending" not in choices:
        # Now: how much time they leave is known afterwards.
        opened = open_pictures(workspace, record, spec, progress=phase("prepare"))
        if team.leads:
            plan_for = (network, opened, device, choices["precision"])
            choices |= time_limit.plan(workspace, config, *plan_for)
    choices = team.tell(choices)
    limited = config.minutes > 0 and not frozen  # a head is learned in no time
    config = time_limit.applied(config, choices)
    begun = team.tell(checkpoints.newest(run.folder / "checkpoints", "last"))
    # What is dear in a frozen network is its features. Its head is learned by one process.
    sharing = team if not frozen else Team()
    rows = record["counts"]["train"] * (config.feature_views if frozen else 1)
    steps = count_steps(rows, config, sharing.place.world, choices.get("batches", 0))
    check_shares(config, rows, sharing)
    sink(
        RunStarted(
            model=config.model,
            dataset=config.dataset,
            epochs=config.epochs,
            steps_per_epoch=steps,
            epoch=begun[1]["epoch"] if begun else 0,
            step=begun[1]["step"] if begun else 0,
            resumed=bool(begun) or any(isinstance(event, RunStarted) for event in history),
            device=device.type,
            train_pictures=record["counts"]["train"],
            versions=versions(),
            choices=choices,
        )
    )
    log.info(training_sentences.reason(config, sum(record["counts"].values())))
    if begun is None and team.leads:  # who goes on takes a part of it, which nobody has estimated
        cost_history.expect(workspace, run, config, record["counts"])
    if opened is not None:
        sink(time_limit.told(config, choices, count_batches(rows, config.batch_size)))
    pictures = opened or open_pictures(workspace, record, spec, progress=phase("prepare"))
    make = features_plan if frozen else pixels_plan
    plan = make(workspace, config, network, pictures, device, phase("features"), team)
    if frozen and not team.leads:
        return _Fitted(config, choices, network, pictures, plan, "finished", "")
    total = steps * config.epochs
    task = ClassifierTask(
        *(plan.module, config, total, pictures.hashes("val"), sharing, plan.rates), classes
    )
    epochs = [event for event in history if isinstance(event, EpochEnd)]
    live = LiveMetrics(
        sink,
        classes=classes,
        names=record["classes"],
        counts=record["counts"],
        seconds_after=2.0,
        steps_after=steps_of(config, record["counts"]),
        earlier=epochs,
        team=sharing,
    )
    stopper = StopRequest(stop.path, sharing)
    average = averaging(config, total)
    keep = KeepCheckpoints(run.folder / "checkpoints", config.patience, average)
    own = [live, stopper, *([average] if average else []), keep]
    if limited:
        own.append(time_limit.TimeUp(config, choices["ending"], sink, sharing))
    trainer = make_trainer(config, choices, [*own, *plan.callbacks, *callbacks], sharing.place)
    began = time.monotonic()
    # Threads that wait for each other at every tiny step of a head cost more than they bring.
    torch.set_num_threads(1 if frozen else choices["threads"])
    outcome, reason = fit(trainer, task, plan, begun[0] if begun else None)
    torch.set_num_threads(choices["threads"])
    done = trainer.global_step - (begun[1]["step"] if begun else 0)
    if not frozen and done > 20 and team.alone:
        done *= config.batch_size * config.accumulate
        speed = done / max(1e-6, time.monotonic() - began)
        remember(workspace, speed_key(config, choices["threads"]), round(speed, 2))
    ended = (outcome, reason, trainer.current_epoch, task.best)
    return _Fitted(config, choices, network, pictures, plan, *ended)


def _whole(workspace: Workspace, run: Run, sink: Sink, fitted: _Fitted, finish: bool) -> RunEnded:
    """The rest, which one process does: evaluation and export of the best, and the folds."""
    config, network, plan, pictures = fitted.config, fitted.network, fitted.plan, fitted.pictures
    outcome, reason = fitted.outcome, fitted.reason
    part()
    best = checkpoints.newest(run.folder / "checkpoints", "best")
    if best is None:
        said = reason or STOPPED
        raise (StoppedError if outcome == "stopped" else MLError)(
            f"{said} The first epoch was not over, so there is no model yet."
        )
    if not finish:
        accuracy, loss = fitted.best or (0.0, 0.0)
        found = {"accuracy": accuracy, "loss": -loss}
        return RunEnded(outcome, reason, found, {}, fitted.epochs)
    if not config.frozen and config.strategy == "fsdp":  # what it divided cannot be put together
        inputs = Inputs(pictures.spec.channels, pictures.spec.size, len(pictures.classes))
        network = build(config.model, inputs, pretrained=False, **options_of(config))
        plan = Plan(network, plan.data)  # nothing is frozen: no features are kept
    plan.module.load_state_dict(checkpoints.load(best[0])["weights"])
    figures = _finish(run, network, pictures, plan, sink, workspace.graphs)
    if config.folds and outcome == "finished":
        progress = _phases(sink, StopRequest(run.folder / "stop"))("folds")
        outcome, reason = _folds(
            workspace, run, config, fitted.choices, network, pictures, sink, progress
        )
    return RunEnded(outcome, reason, figures["validation"], figures["test"], fitted.epochs)


def _finish(
    run: Run, network: Network, pictures: Pictures, plan: Plan, sink: Sink, graphs: Path
) -> dict[str, dict[str, float]]:
    """Evaluate and export. Who asked to stop has stopped: this is short and is carried through."""

    tell = _phases(sink)

    def progress(phase: str, fraction: float) -> None:
        tell(phase)(fraction)

    network.cpu().eval()
    return finalise(
        *(run, network, pictures),
        features=plan.features,
        progress=progress,
        cache=graphs,
    )


def _folds(
    workspace: Workspace,
    run: Run,
    config: TrainConfig,
    choices: dict[str, Any],
    network: Network,
    pictures: Pictures,
    sink: Sink,
    progress: Progressing,
) -> tuple[str, str]:
    """Cross-validate, and add what it found to the report: the outcome of the run and its sentence.

    The classifier is in place by now, so that a failure here is told and does not fail the run.
    """
    try:
        found = cross_validate(workspace, run, config, choices, network, pictures, progress)
    except StoppedError as error:
        return "stopped", f"{error} The model is whole; its folds are not."
    except MLError as error:
        log.exception("The cross-validation failed.")
        sink(Note(f"The folds could not be fitted. {error}", "warning", "folds"))
        return "finished", ""
    if found is None:
        sink(Note("There are too few pictures to train on folds of them.", "warning", "folds"))
    else:
        write_json(run.folder / "report.json", {**(run.report or {}), "folds": found})
    return "finished", ""


def _phases(sink: Sink, stop: StopRequest | None = None) -> Callable[[str], Progressing]:
    """``phases("prepare")`` is a progress function: four events a second, stops on request."""
    told = {"at": 0.0}

    def of(phase: str) -> Progressing:
        def progress(fraction: float) -> None:
            if stop:
                stop.check()
            now = time.monotonic()
            if now - told["at"] >= 0.25 or fraction in (0.0, 1.0):
                told["at"] = now
                sink(Progress(phase, fraction))

        return progress

    return of
