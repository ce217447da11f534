"""Learning rate schedules: pure functions of the step. Light."""

import math

WARM_UP = {"constant": 0.0, "onecycle": 0.25, "cosine": 0.03}
"""The share of all steps in which the rate rises, where the configuration does not say it."""
START = 1 / 25
END = 1e-3
TAIL_RATE = 0.05
"""Below this share the rate does not fall with SWA: what is averaged must go on moving."""


def factor(
    schedule: str, step: int, total: int, *, warm_up: float = -1.0, floor: float = END
) -> float:
    """What the learning rate is multiplied with at ``step`` of ``total`` (from 0), 0 to 1.

    ``constant``; ``cosine`` with a short linear warm-up (Loshchilov and Hutter 2016,
    https://arxiv.org/abs/1608.03983); ``onecycle``, which rises for a quarter of the steps and then
    falls (Smith and Topin 2017, https://arxiv.org/abs/1708.07120).

    Args:
        warm_up: the share of the steps in which it rises; below 0: as the schedule has it.
        floor: below which it does not fall.

    >>> factor("constant", 7, 10), factor("onecycle", 25, 101)
    (1.0, 1.0)
    """
    place = min(step / max(1, total - 1), 1.0)
    warm_up = warm_up if warm_up >= 0 else WARM_UP[schedule]
    if place < warm_up:
        return START + (1 - START) * place / warm_up
    if schedule == "constant":
        return 1.0
    fallen = 0.5 * (1 + math.cos(math.pi * (place - warm_up) / (1 - warm_up)))
    return max(floor, END + (1 - END) * fallen)
