"""Carry out a policy on a batch: a picture's own random numbers alone decide what happens to it."""

import torch
from torch import Tensor

from ml.data.augment.operations import Matrix, compose, get, sample
from ml.data.augment.policies import LEVELS, NUMBERS, Policy, Step

BELOW_ONE = 1 - 2**-20


def apply(policy: Policy, pictures: Tensor, numbers: Tensor) -> Tensor:
    """Changed pictures, float (N, S, S, C), 0 to 255.

    Args:
        pictures: uint8 or float (N, S, S, C).
        numbers: (N, ``policy.numbers``), 0 to 1.
    """
    x = pictures.permute(0, 3, 1, 2).float()
    x = _in_turn(policy.steps, x, numbers) if policy.steps else _by_lot(policy, x, numbers)
    return x.permute(0, 2, 3, 1)


def _in_turn(steps: tuple[Step, ...], x: Tensor, numbers: Tensor) -> Tensor:
    """One step after another; moves in a row are one matrix, and pixels are sampled once."""
    waiting: Matrix | None = None
    column = 0
    for step in steps:
        one = get(step.operation)
        happens = numbers[:, column] < step.chance
        own = numbers[:, column + 1 : column + 1 + one.numbers]
        column += 1 + one.numbers
        if one.way == "move":
            # In a move a half is neutral.
            matrix = one.function(own.where(happens[:, None], own.new_tensor(0.5)), step.strength)
            waiting = compose(waiting, matrix) if waiting else matrix
            continue
        if waiting:
            x, waiting = sample(x, waiting), None
        if step.chance >= 1:
            x = one(x, own, step.strength)
        else:
            rows = happens.nonzero().flatten()
            x = x.index_copy(0, rows, one(x[rows], own[rows], step.strength)) if len(rows) else x
    return sample(x, waiting) if waiting else x


def _by_lot(policy: Policy, x: Tensor, numbers: Tensor) -> Tensor:
    """``draws`` times an operation for each picture."""
    count = len(policy.choices)
    for draw in range(policy.draws):
        which, much, sign = numbers[:, NUMBERS * draw : NUMBERS * (draw + 1)].unbind(1)
        which = (which * count).long().clamp(max=count - 1)
        if policy.magnitude is None:
            level = (much * (LEVELS + 1)).floor().clamp(max=LEVELS) / LEVELS
        else:
            level = torch.full_like(much, policy.magnitude)
        number = 0.5 + 0.5 * BELOW_ONE * level * torch.where(sign < 0.5, -1.0, 1.0)
        for place, choice in enumerate(policy.choices):
            rows = (which == place).nonzero().flatten()
            if not choice.operation or not len(rows):
                continue
            one = get(choice.operation)
            own = number.new_full((len(rows), one.numbers), 0.5)
            own[:, choice.number] = number[rows]
            x = x.index_copy(0, rows, one(x[rows], own, choice.most))
    return x
