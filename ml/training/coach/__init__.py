"""The coach: remarks in plain words on how a training goes, and the one thing to do next.

It is light and changes nothing; the card that shows it is in ``dashboard.components.train``.
"""

from ml.training.coach.remark import advise
from ml.training.coach.rules import measured
from ml.training.coach.situation import Situation

__all__ = ["Situation", "advise", "measured"]
