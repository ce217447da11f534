"""Watches a trial while it trains: ends it when it is clearly behind, or when time is over."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from ml.errors import StoppedError
from ml.training.task import ClassifierTask
from ml.tuning.pruning import Point, is_behind

ASK_SECONDS = 0.2
SAVE_SECONDS = 2.0
BEHIND = "Ended early: it was clearly behind half of the trials of its search."
OVER = "Ended with its search, whose time was over."
STOPPED = "Stopped with its search, as you asked."


class WatchTrial(Callback):
    """Raises StoppedError with ``BEHIND``, ``OVER`` or ``STOPPED``.

    Args:
        others: the curves of the trials that went all the way; none ends nothing early.
        curve: what a worker before this one has seen of this trial.
        pictures: how many validation pictures there are.
        left: the seconds that the search still has.
        stop: a file whose presence asks the search to stop.
        save: is called every two seconds or so, to note the time that was spent.
    """

    def __init__(
        self,
        others: Sequence[Sequence[Point]],
        curve: Sequence[Point],
        pictures: int,
        left: Callable[[], float],
        stop: Path,
        save: Callable[[], None],
    ) -> None:
        self.others, self.curve, self.pictures = others, list(curve), pictures
        self.left, self.stop, self.save = left, stop, save
        self._asked = self._saved = time.monotonic()

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Ask whether to go on, at most five times a second."""
        now = time.monotonic()
        if now - self._asked < ASK_SECONDS:
            return
        self._asked = now
        if now - self._saved >= SAVE_SECONDS:
            self._saved = now
            self.save()
        if self.stop.exists():
            raise StoppedError(STOPPED)
        if self.left() <= 0:
            raise StoppedError(OVER)

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """As after a training batch."""
        self.on_train_batch_end()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Judge the trial by its curve. Its checkpoints are kept by then."""
        task: ClassifierTask = pl_module
        found = task.val_meter.total()
        if found is None:
            return
        share = (trainer.current_epoch + 1) / max(1, trainer.max_epochs)
        self.curve.append(Point(share, found.accuracy, found.loss))
        if is_behind(self.curve, self.others, self.pictures):
            raise StoppedError(BEHIND)


class NoMoreSteps(Callback):
    """Lets a run be tested and exported as it stands."""

    def on_train_start(self, *args: Any, **kwargs: Any) -> None:
        """Is not reached where there is no step to go."""
        raise StoppedError(OVER)
