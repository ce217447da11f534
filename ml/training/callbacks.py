"""Lightning callbacks: live metrics, stop requests, early stopping, checkpoints."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from ml.distributed.group import ProcessGroup, StepInterval
from ml.distributed.strategy import full_state_dict
from ml.errors import DivergedError, StoppedError
from ml.runs.events import EpochEnd, Progress, RunStarted, Sink
from ml.training import checkpoints
from ml.training.coach import Situation, advise
from ml.training.optim.weight_averaging import Averaging
from ml.training.task import ClassifierTask

FLUSH_SECONDS = 0.25
ASK_SECONDS = 0.2
STOPPED = "Stopped as you asked."
REPEAT = 5
"""A remark that still holds is said again, with its figures of now, after so many epochs."""


class LiveMetrics(Callback):
    """Sends each figure once, as a typed event, to ``sink``.

    The sink is a run's event log in a worker, or session state itself in a notebook or a test.
    Figures stay on the device between events, at most four a second.

    Args:
        sink: is called with each event.
        started: sent when training starts; None where the caller has sent its own.
        classes: how many there are; the remarks compare with chance.
        names: those of the classes.
        counts: how many pictures there are of each split.
        seconds_after: what comes after training, for the time left.
        steps_after: training steps that come after it, which take as long as these.
        earlier: the epochs of a run that is resumed.
        process_group: the ranks of the training; only the leader's sink writes events.
    """

    def __init__(
        self,
        sink: Sink,
        started: RunStarted | None = None,
        *,
        classes: int = 0,
        names: Sequence[str] = (),
        counts: Mapping[str, int] | None = None,
        seconds_after: float = 0.0,
        steps_after: int = 0,
        earlier: Sequence[EpochEnd] = (),
        process_group: ProcessGroup | None = None,
    ) -> None:
        process_group = process_group or ProcessGroup()
        self._interval, self._world_size = (
            StepInterval(FLUSH_SECONDS, process_group),
            process_group.rank_info.world_size,
        )
        self.sink, self.started = sink, started
        self.classes, self.names, self.counts = classes, tuple(names), dict(counts or {})
        self.seconds_after, self.steps_after = seconds_after, steps_after
        self.epochs = list(earlier)
        self._flushed = self._epoch_began = self._began = 0.0
        self._first_step = self._pictures = self._seen = 0
        self._last_note_code, self._last_note_epoch = "", 0

    def state_dict(self) -> dict[str, Any]:
        """What was said last, so that a resumed run does not say it again."""
        return {"said": self._last_note_code, "after": self._last_note_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See ``state_dict``."""
        self._last_note_code = str(state_dict.get("said", ""))
        self._last_note_epoch = int(state_dict.get("after", 0))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Announce the run."""
        if self.started:
            self.sink(self.started)
        self._began = self._flushed = time.monotonic()
        self._interval.start()
        self._first_step = trainer.global_step

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the epoch's clock."""
        self._epoch_began = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """At most four times a second, tell where the training stands."""
        self._seen += len(batch[1])
        if self._interval.due():
            self._publish_progress(trainer, pl_module, time.monotonic())

    def _publish_progress(self, trainer: pl.Trainer, task: ClassifierTask, now: float) -> None:
        score = task.train_meter.since_last_read()
        if score is None:
            return
        step, total = trainer.global_step, task.total_steps
        done = step - self._first_step
        to_come = total - step + self.steps_after
        left = (now - self._began) / done * to_come + self.seconds_after if done else None
        self.sink(
            Progress(
                phase="train",
                fraction=min(step / max(1, total), 1.0),
                step=step,
                epoch=trainer.current_epoch + 1,
                seconds_left=left,
                loss=score.loss,
                accuracy=score.accuracy,
                learning_rate=task.rate(),
                pictures_per_second=self._seen * self._world_size / max(1e-6, now - self._flushed),
                metrics=score.others,
            )
        )
        self._flushed, self._seen = now, 0
        if not math.isfinite(score.loss):
            raise diverged(task)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Tell the epoch's figures, and what there is to say about them."""
        task: ClassifierTask = pl_module
        train, val = task.train_meter.total(), task.val_meter.total()
        event = EpochEnd(
            epoch=trainer.current_epoch + 1,
            step=trainer.global_step,
            train_loss=train.loss if train else None,
            train_accuracy=train.accuracy if train else None,
            val_loss=val.loss if val else None,
            val_accuracy=val.accuracy if val else None,
            learning_rate=task.rate(),
            seconds=time.monotonic() - self._epoch_began,
            best=task.improved,
            mistakes=task.mistakes,
            unpredicted=[self.names[label] for label in task.unpredicted if self.names],
            train_metrics=train.others if train else {},
            val_metrics=val.others if val else {},
        )
        self.epochs.append(event)
        self.sink(event)
        if (train and not math.isfinite(train.loss)) or (val and not math.isfinite(val.loss)):
            raise diverged(task)
        ended = event.epoch >= (trainer.max_epochs or 0) > 0
        ended = ended or task.is_patience_over(event.epoch)
        now = Situation(
            self.epochs,
            self.classes,
            task.config,
            self.counts.get("train", 0),
            self.counts.get("val", 0),
            ended,
        )
        note = advise(now)
        again = ended or event.epoch >= self._last_note_epoch + REPEAT
        if note and (note.code != self._last_note_code or again):
            self._last_note_code, self._last_note_epoch = note.code, event.epoch
            self.sink(note)


def diverged(task: ClassifierTask) -> DivergedError:
    """The sentence for a loss that is no number any more."""
    return DivergedError(
        "Training stopped: the loss became infinite. A lower learning rate usually helps: retry "
        f"with {task.config.learning_rate / 10:g}."
    )


class StopRequest(Callback):
    """Ends the training at the next batch once the file ``path`` is there, in all processes."""

    def __init__(self, path: Path, process_group: ProcessGroup | None = None) -> None:
        self.path, self.process_group = path, process_group or ProcessGroup()
        self._interval = StepInterval(ASK_SECONDS, self.process_group)

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Look for the file, at most five times a second."""
        if self._interval.due() and self.process_group.any(self.path.exists()):
            raise StoppedError(STOPPED)

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """As after a training batch."""
        self.on_train_batch_end()

    def check(self) -> None:
        """Raises StoppedError when somebody asked to stop."""
        if self.path.exists():
            raise StoppedError(STOPPED)


class KeepCheckpoints(Callback):
    """Keeps ``last`` (everything, to go on from) and ``best`` (the weights) after each epoch.

    It ends the training once the patience of the task is over.
    Where weights are averaged, the average is what is judged and so the best.
    """

    def __init__(self, folder: Path, averaging: Averaging | None = None) -> None:
        self.folder, self.averaging = folder, averaging

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Best first, so that ``last`` never stands without the best that it speaks of."""
        task: ClassifierTask = pl_module
        epoch = trainer.current_epoch + 1
        if task.improved:
            module = (self.averaging and self.averaging.network) or task.module
            content = {"weights": full_state_dict(trainer, module)}
            if trainer.is_global_zero:
                step = trainer.global_step
                checkpoints.save(self.folder, "best", content, epoch=epoch, step=step)
        trainer.save_checkpoint(self.folder / "last")
        if task.is_patience_over(epoch):
            trainer.should_stop = True
