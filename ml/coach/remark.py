"""What the coach says: the first rule that applies speaks, so it says one thing at a time."""

from collections.abc import Sequence

from ml.coach.rules import RULES
from ml.coach.situation import Situation
from ml.events import EpochEnd, Note


def advise(now: Situation) -> Note | None:
    """What to say of a training; None where there is nothing to say yet."""
    if len(now.measured) < 2:
        return None
    return next((note for rule in RULES if (note := rule(now))), None)


def remark(epochs: Sequence[EpochEnd], classes: int) -> Note | None:
    """``advise`` for whoever knows the epochs alone."""
    return advise(Situation(epochs, classes))
