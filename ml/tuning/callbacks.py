"""Lightning callbacks of a trial: end it when it is pruned, stopped, or out of time."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from ml.errors import StoppedError
from ml.training.task import ClassifierTask
from ml.tuning.pruning import Point, should_prune

CHECK_SECONDS = 0.2
SAVE_SECONDS = 2.0
REASON_PRUNED = "Ended early: it was clearly behind half of the trials of its search."
REASON_TIME_OVER = "Ended with its search, whose time was over."
REASON_STOPPED = "Stopped with its search, as you asked."


class WatchTrial(Callback):
    """Raises StoppedError with ``REASON_PRUNED``, ``REASON_TIME_OVER`` or ``REASON_STOPPED``.

    Args:
        finished_curves: the validation curves of the finished trials, for the median rule.
        curve: the validation curve of this trial so far, from an earlier worker.
        pictures: the number of validation pictures.
        seconds_left: gives the seconds that the search still has.
        stop_file: a file whose presence asks the search to stop.
        save_progress: called every two seconds to save the time spent.
    """

    def __init__(
        self,
        finished_curves: Sequence[Sequence[Point]],
        curve: Sequence[Point],
        pictures: int,
        seconds_left: Callable[[], float],
        stop_file: Path,
        save_progress: Callable[[], None],
    ) -> None:
        self.finished_curves, self.curve, self.pictures = finished_curves, list(curve), pictures
        self.seconds_left, self.stop_file, self.save_progress = (
            seconds_left,
            stop_file,
            save_progress,
        )
        self._last_check = self._last_save = time.monotonic()

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Check the stop file and the time, at most five times a second."""
        now = time.monotonic()
        if now - self._last_check < CHECK_SECONDS:
            return
        self._last_check = now
        if now - self._last_save >= SAVE_SECONDS:
            self._last_save = now
            self.save_progress()
        if self.stop_file.exists():
            raise StoppedError(REASON_STOPPED)
        if self.seconds_left() <= 0:
            raise StoppedError(REASON_TIME_OVER)

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Check as after a training batch."""
        self.on_train_batch_end()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Prune the trial by its curve. The epoch's checkpoint is saved by then."""
        task: ClassifierTask = pl_module
        score = task.val_meter.total()
        if score is None:
            return
        share = (trainer.current_epoch + 1) / max(1, trainer.max_epochs)
        self.curve.append(Point(share, score.accuracy, score.loss))
        if should_prune(self.curve, self.finished_curves, self.pictures):
            raise StoppedError(REASON_PRUNED)


class NoMoreSteps(Callback):
    """Ends a training before its first step, so that the run is tested and exported as it is."""

    def on_train_start(self, *args: Any, **kwargs: Any) -> None:
        """Stop. Lightning skips this hook where no step is left."""
        raise StoppedError(REASON_TIME_OVER)
