"""The recipe of a training run: data, model, callbacks, Trainer, fit, evaluate and export.

A worker calls ``train`` with a run that it has claimed. Whatever happens, the last event of the log
says how it ended; what was best by then is evaluated and exported.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from ml import checkpoints, measure
from ml.callbacks import KeepCheckpoints, LiveMetrics, StopRequest
from ml.config import TrainConfig
from ml.crossval import cross_validate, steps_of
from ml.data.augment import mix
from ml.data.datamodule import count_batches
from ml.data.pictures import Pictures, open_pictures
from ml.data.pixels import PixelSpec
from ml.errors import MLError, OutOfMemoryError, StoppedError
from ml.estimate import speed_key
from ml.events import EpochEnd, EventLog, Note, Progress, RunEnded, RunStarted, Sink, surviving
from ml.files import write_json
from ml.finalise import finalise
from ml.machine import keep_freed_memory, remember, threads, versions
from ml.models import Inputs, build, options_of
from ml.models.network import Network
from ml.plan import Plan, features_plan, pixels_plan
from ml.runs import Run
from ml.task import ClassifierTask
from ml.worker_life import heartbeat
from ml.workspace import Workspace

Progressing = Callable[[float], None]
log = logging.getLogger(__name__)
for name in ("lightning.pytorch", "lightning.fabric", "onnxscript", "onnx_ir"):
    logging.getLogger(name).setLevel(logging.WARNING)  # their tips are not for this log


def train(
    workspace: Workspace,
    run: Run,
    *,
    callbacks: Sequence[pl.Callback] = (),
    finish: bool = True,
) -> RunEnded:
    """Train ``run``, from the start or from its last checkpoint, and say how it ended.

    Args:
        callbacks: more of them, called after those of every run.
        finish: whether it is tested and exported. Without that it has curves and checkpoints, and
            a later call without a step to go does the rest; its test pictures were not looked at.
    """
    sink, began = EventLog(run.folder / "events.jsonl"), time.monotonic()
    with heartbeat(sink):
        try:
            ended = _train(workspace, run, sink, callbacks, finish)
        except StoppedError as error:
            ended = RunEnded("stopped", str(error))
        except MLError as error:
            log.exception("The run failed.")
            ended = RunEnded("failed", str(error))
        except Exception as error:
            log.exception("The run failed.")
            ended = RunEnded("failed", f"Something unforeseen went wrong ({error}). See the log.")
        ended = dataclasses.replace(ended, seconds=time.monotonic() - began, time=time.time())
    sink(ended)
    sink.close()
    return ended


def _train(
    workspace: Workspace, run: Run, sink: Sink, callbacks: Sequence[pl.Callback], finish: bool
) -> RunEnded:
    config, record = settings_of(run), run.dataset
    stop = StopRequest(run.folder / "stop")
    keep_freed_memory()
    phase = _phases(sink, stop)
    phase("prepare")(0.0)
    history = surviving(run.events()[0])
    device, choices = _machine(config, history)
    spec = PixelSpec(config.image_size, config.colour, config.fit)
    classes = len(record["classes"])

    torch.manual_seed(mix(config.seed, 0, 3))
    inputs = Inputs(spec.channels, spec.size, classes)
    network = build(config.model, inputs, pretrained=config.pretrained, **options_of(config))
    network.to(memory_format=torch.channels_last)
    frozen = config.freeze_backbone and config.pretrained
    if "precision" not in choices:
        choices["precision"] = (
            "32"
            if frozen  # a head takes milliseconds either way
            else measure.precision(workspace, network.to(device), config, device, spec.channels)
        )

    begun = checkpoints.newest(run.folder / "checkpoints", "last")
    rows = record["counts"]["train"] * (config.feature_views if frozen else 1)
    steps = count_batches(rows, config.batch_size)
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
    pictures = open_pictures(workspace, record, spec, progress=phase("prepare"))
    make = features_plan if frozen else pixels_plan
    plan = make(workspace, config, network, pictures, device, phase("features"))
    total = steps * config.epochs
    task = ClassifierTask(plan.module, config, total, pictures.hashes("val"))
    epochs = [event for event in history if isinstance(event, EpochEnd)]
    live = LiveMetrics(
        sink,
        classes=classes,
        names=record["classes"],
        counts=record["counts"],
        seconds_after=2.0,
        steps_after=steps_of(config, record["counts"]),
        earlier=epochs,
    )
    keep = KeepCheckpoints(run.folder / "checkpoints", config.patience)
    trainer = make_trainer(config, choices, [live, stop, keep, *callbacks])
    began = time.monotonic()
    # Threads that wait for each other at every tiny step of a head cost more than they bring.
    torch.set_num_threads(1 if frozen else choices["threads"])
    outcome, reason = _fit(trainer, task, plan, begun[0] if begun else None)
    torch.set_num_threads(choices["threads"])
    done = trainer.global_step - (begun[1]["step"] if begun else 0)
    if not frozen and done > 20:
        speed = done * config.batch_size / max(1e-6, time.monotonic() - began)
        remember(workspace, speed_key(config, choices["threads"]), round(speed, 2))

    best = checkpoints.newest(run.folder / "checkpoints", "best")
    if best is None:
        said = reason or "Stopped as you asked."
        raise (StoppedError if outcome == "stopped" else MLError)(
            f"{said} The first epoch was not over, so there is no model yet."
        )
    if not finish:
        accuracy, loss = task.best or (0.0, 0.0)
        found = {"accuracy": accuracy, "loss": -loss}
        return RunEnded(outcome, reason, found, {}, trainer.current_epoch)
    plan.module.load_state_dict(checkpoints.load(best[0])["weights"])
    figures = _finish(run, network, pictures, plan, sink, workspace.graphs)
    if config.folds and outcome == "finished":
        outcome, reason = _folds(
            workspace, run, config, choices, network, pictures, sink, phase("folds")
        )
    return RunEnded(outcome, reason, figures["validation"], figures["test"], trainer.current_epoch)


def settings_of(run: Run) -> TrainConfig:
    """The run's configuration, with the epochs that a resume asked for."""
    return run.settings


def _machine(config: TrainConfig, history: list[Any]) -> tuple[torch.device, dict[str, Any]]:
    """The device, and the choices for this machine: those of the run's first start, if any."""
    earlier = [event.choices for event in history if isinstance(event, RunStarted)]
    asked = {"precision": "32", "device": config.device}
    device = make_trainer(config, asked, []).strategy.root_device
    choices = dict(earlier[0]) if earlier and earlier[0].get("device") == device.type else {}
    choices |= {"device": device.type, "layout": "channels_last"}
    choices.setdefault("threads", threads(config.threads))
    torch.set_num_threads(choices["threads"])
    return device, choices


def make_trainer(
    config: TrainConfig, choices: dict[str, Any], callbacks: list[pl.Callback]
) -> pl.Trainer:
    """Lightning's Trainer without what costs time at each step.

    Raises:
        MLError: the device that was asked for is not there.
    """
    try:
        return pl.Trainer(
            accelerator=choices["device"] if choices["device"] != "cuda" else "gpu",
            devices=1,
            precision="bf16-mixed" if choices["precision"] == "bf16" else "32-true",
            max_epochs=config.epochs,
            callbacks=callbacks,
            plugins=[checkpoints.CheckpointFiles()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
    except (RuntimeError, ValueError) as error:
        if "precision" in str(error):
            raise
        raise MLError(
            f"There is no {config.device} device here ({error}). Set device to auto or cpu."
        ) from error


def _fit(
    trainer: pl.Trainer, task: ClassifierTask, plan: Plan, checkpoint: Path | None
) -> tuple[str, str]:
    """Fit, and say how it ended: the outcome and its sentence."""
    try:
        trainer.fit(task, plan.data, ckpt_path=checkpoint, weights_only=True)
    except StoppedError as error:
        return "stopped", str(error)
    except MLError as error:
        return "failed", str(error)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        log.exception("Out of memory.")
        config = task.config
        return "failed", str(
            OutOfMemoryError(
                f"There is not enough memory for batches of {config.batch_size} pictures of "
                f"{config.image_size} px. Choose a smaller batch or picture size and retry."
            )
        )
    return "finished", ""


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return "can't allocate memory" in text or "not enough memory" in text


def _finish(
    run: Run, network: Network, pictures: Pictures, plan: Plan, sink: Sink, graphs: Path
) -> dict[str, dict[str, float]]:
    """Evaluate and export. Who asked to stop has stopped: this is short and is carried through."""

    tell = _phases(sink)

    def progress(phase: str, fraction: float) -> None:
        tell(phase)(fraction)

    network.cpu().eval()
    return finalise(
        run, network, pictures, torch_logits=plan.logits, progress=progress, cache=graphs
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

    def fit(plan: Plan, steps: int, callback: pl.Callback) -> None:
        task = ClassifierTask(plan.module, config, steps)
        torch.set_num_threads(1 if config.frozen else choices["threads"])
        outcome, reason = _fit(make_trainer(config, choices, [callback]), task, plan, None)
        torch.set_num_threads(choices["threads"])
        if outcome != "finished":
            raise (StoppedError if outcome == "stopped" else MLError)(reason)

    device = torch.device(choices["device"])
    try:
        found = cross_validate(workspace, run, config, network, pictures, device, fit, progress)
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
