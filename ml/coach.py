"""Remarks in plain words on how the training goes: rules over the epochs so far. Light."""

from collections.abc import Sequence

from ml.events import EpochEnd, Note

NOISE = 0.005
"""Changes of a validation figure below this are not called progress or loss."""
RISE = 0.05
"""By this share must the validation loss be above its best to be called overfitting."""
LEAST_RISE = 0.03
"""And by so much, since a small loss jumps by large shares."""


def remark(epochs: Sequence[EpochEnd], classes: int) -> Note | None:
    """What to say after the last of ``epochs``; None when there is nothing to say yet.

    The first rule that applies speaks; its evidence is in the sentence.
    """
    measured = [item for item in epochs if item.val_loss is not None]
    if len(measured) < 2:
        return None
    last, first = measured[-1], measured[0]
    losses = [item.val_loss or 0.0 for item in measured]
    best = min(range(len(losses)), key=losses.__getitem__)
    train = [item.train_loss for item in measured if item.train_loss is not None]
    chance = 1.0 / max(1, classes)

    if len(train) >= 2 and train[-1] > 1.5 * train[0]:
        return Note(
            f"The loss on the training pictures rises (from {train[0]:.2f} to {train[-1]:.2f}). "
            "The learning rate is too high: stop, and retry with a tenth of it.",
            "warning",
            "rate_too_high",
        )
    accuracy = last.val_accuracy or 0.0
    if last.epoch >= 3 and accuracy < 1.2 * chance and abs(losses[-1] - losses[0]) < 0.05:
        return Note(
            f"After {last.epoch} epochs the model guesses ({accuracy:.0%} right, chance is "
            f"{chance:.0%}). The learning rate may be too low or far too high: try ten times more, "
            "then ten times less.",
            "warning",
            "not_learning",
        )
    behind = len(losses) - 1 - best
    falling = len(train) >= 2 and train[-1] < train[-2] + NOISE
    rise = losses[-1] - losses[best]
    if behind >= 2 and rise > max(RISE * losses[best], LEAST_RISE) and falling:
        return Note(
            f"Overfitting since epoch {measured[best].epoch}: the training loss still falls, the "
            f"validation loss rises (from {losses[best]:.2f} to {losses[-1]:.2f}). The best model "
            "is kept. More pictures or stronger augmentation would help.",
            "warning",
            "overfitting",
        )
    if len(losses) >= 3 and behind == 0 and losses[-3] - losses[-1] > NOISE:
        return Note(
            f"Still improving: the validation loss fell to {losses[-1]:.2f} "
            f"(it was {first.val_loss or 0.0:.2f} after the first epoch).",
            "good",
            "improving",
        )
    # The kept model is the best by accuracy, which may be another epoch's than the lowest loss.
    kept = next((item.epoch for item in reversed(measured) if item.best), measured[best].epoch)
    if behind >= 4 and last.epoch - kept >= 4:
        return Note(
            f"No improvement for {last.epoch - kept} epochs. The best model is that of epoch "
            f"{kept}; you can stop now and lose nothing.",
            "info",
            "plateau",
        )
    return None
