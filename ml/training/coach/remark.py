"""What the coach says: the first rule that applies speaks, so it says one thing at a time."""

from ml.runs.events import Note
from ml.training.coach.rules import REGRESSION_RULES, RULES
from ml.training.coach.situation import Situation


def advise(now: Situation) -> Note | None:
    """What to say of a training; None where there is nothing to say yet."""
    if len(now.measured) < 2:
        return None
    if now.config.regression and not now.ended:
        return None
    rules = REGRESSION_RULES if now.config.regression else RULES
    return next((note for rule in rules if (note := rule(now))), None)
