"""Remarks in plain words on how a training goes, and the one thing to do next. Light: no torch."""

from ml.coach.remark import advise
from ml.coach.rules import measured
from ml.coach.situation import Situation

__all__ = ["Situation", "advise", "measured"]
