"""Situation: the input of the coach's rules: epochs so far, settings, number of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ml.config import TrainConfig
from ml.runs.events import EpochEnd

MEMORISED = 0.98
"""From this accuracy on the training pictures on there is nothing more to learn from them."""
MIN_GAP = 0.05
"""And by so much must the validation accuracy be lower."""


@dataclass(frozen=True)
class Situation:
    """A training as it stands after the last of ``epochs``.

    ``train_pictures`` and ``val_pictures`` are 0 where nobody knows; ``ended`` says that no epoch
    is to come, so that what is said is what to do next.
    """

    epochs: Sequence[EpochEnd]
    classes: int
    config: TrainConfig = field(default_factory=TrainConfig)
    train_pictures: int = 0
    val_pictures: int = 0
    ended: bool = False

    @cached_property
    def measured(self) -> list[EpochEnd]:
        """The epochs that were validated."""
        return [item for item in self.epochs if item.val_loss is not None]

    @cached_property
    def val_losses(self) -> list[float]:
        """One for each of ``measured``."""
        return [item.val_loss or 0.0 for item in self.measured]

    @cached_property
    def val_accuracies(self) -> list[float]:
        """One for each of ``measured``, 0 to 1."""
        return [item.val_accuracy or 0.0 for item in self.measured]

    @cached_property
    def train_losses(self) -> list[float]:
        """Of the epochs that have one."""
        return [item.train_loss for item in self.measured if item.train_loss is not None]

    @cached_property
    def train_accuracies(self) -> list[float]:
        """Of the epochs that have one, 0 to 1."""
        return [one.train_accuracy for one in self.measured if one.train_accuracy is not None]

    @property
    def last(self) -> EpochEnd:
        """The newest epoch that was validated."""
        return self.measured[-1]

    @cached_property
    def lowest(self) -> int:
        """The place in ``measured`` of the lowest validation loss."""
        return min(range(len(self.val_losses)), key=self.val_losses.__getitem__)

    @property
    def behind(self) -> int:
        """So many epochs ago was the lowest validation loss."""
        return len(self.measured) - 1 - self.lowest

    @property
    def best(self) -> EpochEnd:
        """The epoch whose model is kept: the best by accuracy, or by loss where none is marked."""
        marked = (item for item in reversed(self.measured) if item.best)
        return next(marked, self.measured[self.lowest])

    @property
    def memorised(self) -> bool:
        """Whether the training pictures are nearly all right and the others clearly less often."""
        accuracy = self.train_accuracies[-1] if self.train_accuracies else 0.0
        gap = accuracy - max(self.val_accuracies)
        return accuracy >= MEMORISED and gap >= max(MIN_GAP, 2 * self.error)

    @property
    def chance(self) -> float:
        """The accuracy of guessing among classes of one size."""
        return 1.0 / max(1, self.classes)

    @property
    def guesses(self) -> bool:
        """Whether the last epoch is hardly better than guessing."""
        return self.val_accuracies[-1] < 1.2 * self.chance + 0.02

    @property
    def error(self) -> float:
        """The standard error of a validation accuracy, from the number of pictures; 0: unknown."""
        share = self.val_accuracies[-1]
        return (share * (1 - share) / self.val_pictures) ** 0.5 if self.val_pictures else 0.0
