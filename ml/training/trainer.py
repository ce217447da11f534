"""Lightning's Trainer as it is used here: on which device, by how many processes, how it ends."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from ml.config import TrainConfig
from ml.data.datamodule import SINGLE_PROCESS
from ml.distributed.group import LOST_PROCESS, ProcessGroup, is_lost_process
from ml.distributed.launch import RankInfo
from ml.distributed.strategy import RankEnvironment, strategy_for
from ml.distributed.sync_norm import SyncNorm
from ml.errors import BadInputError, MLError, OutOfMemoryError, StoppedError
from ml.hardware import thread_count
from ml.runs.choices import RunChoices
from ml.runs.events import Event, RunStarted
from ml.training import checkpoints
from ml.training.finetuning import Plan
from ml.training.task import ClassifierTask

log = logging.getLogger(__name__)
for name in ("lightning.pytorch", "lightning.fabric", "onnxscript", "onnx_ir"):
    logging.getLogger(name).setLevel(logging.WARNING)  # their tips are not for this log
# Lightning 2.6 on torch 2.14: of no use to who trains.
warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")


def machine_for(
    config: TrainConfig, history: Sequence[Event], process_group: ProcessGroup
) -> tuple[torch.device, RunChoices]:
    """The device, and the choices for this machine: those of the run's first start, if any."""
    starts = [event for event in history if isinstance(event, RunStarted)]
    earlier = RunChoices.from_json(starts[0].choices) if starts else None
    asked = RunChoices(config.device, precision="32")
    rank_info = process_group.rank_info
    device = make_trainer(
        config.changed(strategy="auto"), asked, [], rank_info
    ).strategy.root_device
    if config.strategy == "fsdp" and rank_info.world_size > 1 and device.type != "cuda":
        raise MLError(
            "FSDP divides a network among graphics cards, and there is none here. Set strategy to "
            "auto or ddp."
        )
    same = earlier is not None and earlier.device == device.type
    choices = earlier if earlier and same else RunChoices(device.type)
    own_threads = config.threads or max(1, thread_count(0) // rank_info.devices)
    choices = replace(
        choices,
        processes=1 if process_group.is_single else rank_info.world_size,
        computers=1 if process_group.is_single else rank_info.nodes,
        threads=choices.threads or own_threads,
    )
    torch.set_num_threads(choices.threads)
    return device, choices


def check_shares(config: TrainConfig, rows: int, process_group: ProcessGroup) -> None:
    """Raises BadInputError where a process would not get what it needs."""
    world_size = process_group.rank_info.world_size
    needs_whole_layers = config.average != "none" or config.optimizer == "muon"
    if world_size > 1 and config.strategy == "fsdp" and needs_whole_layers:
        raise BadInputError(
            "Averaged weights and muon need whole layers, which fsdp divides among processes. Set "
            "average to none and optimizer to adamw, or strategy to ddp."
        )
    if world_size > min(config.batch_size, rows):
        raise BadInputError(
            f"{world_size} processes cannot share {min(config.batch_size, rows)} pictures. Choose "
            "fewer devices or a larger batch."
        )


def make_trainer(
    config: TrainConfig,
    choices: RunChoices,
    callbacks: list[pl.Callback],
    rank_info: RankInfo = SINGLE_PROCESS,
) -> pl.Trainer:
    """Lightning's Trainer without what costs time at each step.

    Raises:
        MLError: the device that was asked for is not there, or not as many.
    """
    plugins: list[Any] = [checkpoints.CheckpointFiles(), RankEnvironment(rank_info)]
    if rank_info.world_size > 1:
        plugins.append(SyncNorm(on_gpu=choices.device == "cuda"))
    try:
        return pl.Trainer(
            accelerator=choices.device if choices.device != "cuda" else "gpu",
            devices=rank_info.devices,
            num_nodes=rank_info.nodes,
            strategy=strategy_for(config, rank_info),
            precision="bf16-mixed" if choices.precision == "bf16" else "32-true",
            max_epochs=config.epochs,
            limit_train_batches=choices.batches or 1.0,
            accumulate_grad_batches=1 if config.regression else config.accumulate,
            callbacks=callbacks,
            plugins=plugins,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        if "precision" in str(error):
            raise
        many = f"are not {rank_info.devices} devices" if rank_info.devices > 1 else "is no device"
        raise MLError(
            f"There {many} of the kind {config.device} here ({error}). Set device to auto or cpu."
        ) from error


def fit(
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
        if is_lost_process(error):
            log.exception("Another process is gone.")
            return "failed", LOST_PROCESS
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
