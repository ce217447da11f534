"""The rules of the coach, in the order in which they are asked. Each says its evidence.

A rule gets a ``Situation`` of at least two validated epochs and answers with a ``Note`` or None.
``Note.change`` names settings with which to try again; a page makes a button of them.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import fmean

from ml.presets import FINE_TUNING
from ml.runs.events import Note
from ml.text.format import percentage
from ml.training.coach.situation import Situation

NOISE = 0.005
"""Changes of a validation figure below this are not called progress or loss."""
RISE = 0.05
"""By this share must the validation loss be above its best to be called overfitting."""
MIN_LOSS_RISE = 0.03
"""And by so much, since a small loss jumps by large shares."""
MIN_SHOWN_FALL = 0.01
"""Losses are told with two decimals: a fall below this would be told as none."""
STILL = 0.1
"""A training loss that fell by less than this share in all has hardly moved."""
MIN_VALIDATION_PICTURES = 300
"""With more validation pictures than this a jump is not put down to their number."""
UNDERFIT = 0.9
"""Below this accuracy on the training pictures a model could still learn them better."""
MIN_PICTURES_PER_CLASS = 30
"""Training pictures of a class below which more of them are the first thing to wish for."""

MORE_PICTURES = "More pictures would help most."
"""What ``too_few_pictures`` advises, until it was measured."""

Rule = Callable[[Situation], Note | None]


def rate_too_high(now: Situation) -> Note | None:
    """The training loss rises, or the model guesses and the rate is far above the usual."""
    losses, rate = now.train_losses, now.config.learning_rate
    if len(losses) < 2:
        return None
    rises = losses[-1] > 1.5 * losses[0] and losses[-1] > losses[0] + 0.2
    odd = _odd_rate(now)
    stuck = now.last.epoch >= 3 and now.guesses and (odd > 0 or (odd == 0 and not _falls(losses)))
    if not (rises or stuck):
        return None
    seen = (
        f"The loss on the training pictures rises (from {losses[0]:.2f} to {losses[-1]:.2f})."
        if rises
        else f"After {now.last.epoch} epochs the model guesses ({now.val_accuracies[-1]:.0%} "
        f"right, chance is {now.chance:.0%}), and the loss does not fall."
    )
    retry = "retry" if now.ended else "stop, and retry"
    return Note(
        f"{seen} The learning rate is too high: {retry} with a tenth of it.",
        "warning",
        "rate_too_high",
        {"learning_rate": max(1e-6, rate / 10)},
    )


def rate_too_low(now: Situation) -> Note | None:
    """The training loss has hardly moved, at a rate far below the usual or while it falls."""
    losses = now.train_losses
    odd = _odd_rate(now)
    if len(losses) < 3 or now.last.epoch < 3 or odd > 0 or not (odd < 0 or _falls(losses)):
        return None
    if losses[0] - losses[-1] > STILL * losses[0] or now.val_accuracies[-1] > 0.8:
        return None
    return Note(
        f"The loss hardly moves (from {losses[0]:.2f} to {losses[-1]:.2f} in "
        f"{now.last.epoch} epochs). The learning rate is too low: retry with ten times as much.",
        "warning",
        "rate_too_low",
        {"learning_rate": min(1.0, now.config.learning_rate * 10)},
    )


def overfitting(now: Situation) -> Note | None:
    """The training loss still falls while the validation loss has been rising."""
    losses, lowest = now.val_losses, now.val_losses[now.lowest]
    train = now.train_losses
    falling = len(train) >= 2 and train[-1] < train[-2] + NOISE
    rise, least = losses[-1] - lowest, max(RISE * lowest, MIN_LOSS_RISE)
    jumped = losses[-2] - lowest < least / 2  # once, which few validation pictures do
    if now.behind < 2 or rise <= least or jumped or not falling or now.guesses:
        return None
    evidence = (
        "the training loss went on falling, the validation loss rose"
        if now.ended
        else "the training loss still falls, the validation loss rises"
    )
    return Note(
        f"Overfitting since epoch {now.measured[now.lowest].epoch}: {evidence} "
        f"(from {lowest:.2f} to {losses[-1]:.2f}). The best model is kept. "
        f"{_against_overfitting(now)[0]}",
        "warning",
        "overfitting",
        _against_overfitting(now)[1],
    )


def class_never_predicted(now: Situation) -> Note | None:
    """Some class has validation pictures, and none is ever taken for it."""
    missed = now.last.unpredicted
    if now.last.epoch < 3 or not missed or now.guesses:
        return None
    which = ", ".join(missed[:3]) + (" and others" if len(missed) > 3 else "")
    weighed = now.config.balance != "none"
    advice = "Add" if weighed else "Let every class count the same, or add"
    return Note(
        f"The model never answers {which}, though there are such pictures. {advice} pictures of "
        "it.",
        "warning",
        "class_never_predicted",
        {} if weighed else {"balance": "weights"},
    )


def improving(now: Situation) -> Note | None:
    """The validation loss is at its lowest and fell over the last two epochs."""
    losses = now.val_losses
    if len(losses) < 3 or now.behind or losses[-3] - losses[-1] <= NOISE:
        return None
    if losses[0] - losses[-1] < MIN_SHOWN_FALL:  # it rose and is back where it began
        return None
    if not now.ended:
        return Note(
            f"Still improving: the validation loss fell to {losses[-1]:.2f} "
            f"(it was {losses[0]:.2f} after the first epoch).",
            "good",
            "improving",
        )
    # A rate that falls to nothing lets nearly every run end at its lowest: it must still fall fast.
    share = (losses[-3] - losses[-1]) / max(losses[0] - losses[-1], 1e-9)
    if now.memorised or share < 0.1 * 2 * 3 / max(6, len(losses)):
        return None
    more = 2 * now.config.epochs
    return Note(
        f"The validation loss was still falling when the training ended (from {losses[0]:.2f} "
        f"after the first epoch to {losses[-1]:.2f}). It could go on: train for {more} epochs.",
        "info",
        "improving",
        {"epochs": min(1000, more)},
    )


def noisy_validation(now: Situation) -> Note | None:
    """The accuracy jumps from epoch to epoch by what so few pictures make it jump, and the
    training loss does not."""
    if not 0 < now.val_pictures < MIN_VALIDATION_PICTURES or len(now.measured) < 5:
        return None
    shares, train = now.val_accuracies[-5:], now.train_losses[-5:]
    steps = [after - before for before, after in pairwise(shares)]
    jumps, net = fmean(abs(step) for step in steps), abs(shares[-1] - shares[0])
    turns = sum((a > 0) != (b > 0) for a, b in pairwise(steps) if a and b)
    if jumps < 0.7 * now.error or turns < 2 or net > 2 * now.error:
        return None
    if any(after > 1.1 * before for before, after in pairwise(train)):
        return None
    folds = {} if now.config.folds else {"folds": 5}
    return Note(
        f"The validation accuracy jumps ({jumps:.1%} from epoch to epoch), since only "
        f"{now.val_pictures} pictures are validated: differences under {2 * now.error:.0%} mean "
        f"nothing. {'Folds tell' if folds else 'The folds below tell'} how good the recipe is.",
        "info",
        "noisy_validation",
        folds,
    )


def plateau(now: Situation) -> Note | None:
    """Neither loss nor accuracy has been better for four epochs."""
    best_epoch = now.best.epoch
    if now.behind < 4 or now.last.epoch - best_epoch < 4 or now.ended:
        return None
    return Note(
        f"No improvement for {now.last.epoch - best_epoch} epochs. The best model is that of epoch "
        f"{best_epoch}; you can stop now and lose nothing.",
        "info",
        "plateau",
    )


def underfitting(now: Situation) -> Note | None:
    """The training pictures themselves are not learned, and that has stopped getting better."""
    train = now.train_accuracies
    if not now.ended or len(train) < 4 or now.guesses or now.config.mixing != "none":
        return None
    gap = train[-1] - now.val_accuracies[-1]
    if train[-1] > UNDERFIT or gap > 0.08:
        return None
    # With a head on fixed features, or a small network, the way to more is a larger model.
    change: dict[str, object] = {}
    if now.config.frozen:
        change = {"freeze_backbone": False, **FINE_TUNING, "schedule": "cosine"}
    if not change and now.config.augment not in ("none", "shift"):
        change = {"augment": "shift" if now.config.augment == "light" else "light"}
    tried = "train the whole network" if now.config.frozen else "change the pictures less"
    hint = f", or {tried}" if change else ""
    return Note(
        f"Underfitting: only {train[-1]:.0%} of the training pictures themselves are right, and "
        f"{now.val_accuracies[-1]:.0%} of the others. Take a larger model{hint}.",
        "warning",
        "underfitting",
        change,
    )


def too_few_pictures(now: Situation) -> Note | None:
    """The training pictures are learned, the others much less, and there are few of a class.

    A page offers to measure what more of them would bring, and then tells that (``measured``).
    """
    train = now.train_accuracies
    each = now.train_pictures / max(1, now.classes)
    if not now.ended or not train or not 0 < each < MIN_PICTURES_PER_CLASS:
        return None
    gap = train[-1] - max(now.val_accuracies)
    if gap < max(0.08, 2 * now.error):
        return None
    return Note(
        f"{train[-1]:.0%} of the training pictures are right and at best "
        f"{max(now.val_accuracies):.0%} of the others, with {each:.0f} to learn from in each "
        f"class. {MORE_PICTURES}",
        "info",
        "too_few_pictures",
    )


def finished(now: Situation) -> Note | None:
    """The training is over, and nothing is to be said against it."""
    if not now.ended:
        return None
    accuracy = now.best.val_accuracy or 0.0
    sentence = (
        f"The training is over. The model of epoch {now.best.epoch} is kept: it gets "
        f"{accuracy:.0%} of the validation pictures right."
    )
    if now.memorised:
        sentence += (
            f" It gets {now.train_accuracies[-1]:.0%} of the training pictures right, so longer "
            "training would bring little; more pictures would."
        )
    return Note(sentence, "good", "finished")


def best_penalty(now: Situation) -> Note | None:
    """A regression is over: it found the best last layer, and which penalty that has."""
    lowest = now.measured[now.lowest]
    return Note(
        f"The last layer is fitted: of {len(now.measured)} penalties, which hold it back more or "
        f"less, number {lowest.epoch} suits best. It gets {percentage(lowest.val_accuracy)} right "
        "of pictures that it has not seen (each is judged by a fit without it). To get further, "
        "add pictures, or train the whole network.",
        "good",
        "best_penalty",
    )


REGRESSION_RULES: tuple[Rule, ...] = (too_few_pictures, class_never_predicted, best_penalty)
"""A regression has no rate and cannot overfit in time: its epochs are penalties."""
RULES: tuple[Rule, ...] = (
    *(rate_too_high, rate_too_low, too_few_pictures, overfitting, class_never_predicted),
    *(improving, noisy_validation, plateau, underfitting, finished),
)


def measured(text: str, finding: str) -> str:
    """What ``too_few_pictures`` said, with the finding of the learning curve
    (``ml.evaluation.learning_curve``)."""
    return text.replace(MORE_PICTURES, f"Measured: {finding[:1].lower()}{finding[1:]}")


def _odd_rate(now: Situation) -> int:
    """1 for a learning rate far above what is usual with its optimizer, -1 far below, else 0."""
    usual = 0.1 if now.config.optimizer == "sgd" else 1e-3
    ratio = now.config.learning_rate / usual
    return 1 if ratio >= 10 else -1 if ratio <= 0.1 else 0


def _falls(losses: list[float]) -> bool:
    return all(after < before for before, after in pairwise(losses))


def _against_overfitting(now: Situation) -> tuple[str, dict[str, object]]:
    """What would help, in words and as settings."""
    config = now.config
    if config.frozen:
        return "More pictures would help.", {}
    stronger = {"none": "light", "shift": "light", "light": "strong"}.get(config.augment)
    if stronger:
        return "More pictures or stronger augmentation would help.", {"augment": stronger}
    return "More pictures would help, or to mix them.", (
        {"mixing": "mixup"} if config.mixing == "none" else {}
    )
