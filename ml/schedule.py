"""How the learning rate moves: pure functions of the step. This module is light."""

import math

WARM_UP = {"onecycle": 0.25, "cosine": 0.03}
"""The share of all steps in which the rate rises."""
START = 1 / 25
END = 1e-3


def factor(schedule: str, step: int, total: int) -> float:
    """What the learning rate is multiplied with at ``step`` of ``total`` (from 0), 0 to 1.

    ``constant``; ``cosine`` with a short linear warm-up (Loshchilov and Hutter 2016,
    https://arxiv.org/abs/1608.03983); ``onecycle``, which rises for a quarter of the steps and then
    falls (Smith and Topin 2017, https://arxiv.org/abs/1708.07120).

    >>> factor("constant", 7, 10), factor("onecycle", 25, 101)
    (1.0, 1.0)
    """
    if schedule == "constant":
        return 1.0
    place = min(step / max(1, total - 1), 1.0)
    warm_up = WARM_UP[schedule]
    if place < warm_up:
        return START + (1 - START) * place / warm_up
    return END + (1 - END) * 0.5 * (1 + math.cos(math.pi * (place - warm_up) / (1 - warm_up)))
