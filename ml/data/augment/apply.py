"""Apply an augmentation policy to a batch: each picture's own random numbers decide its changes."""

import torch
from torch import Tensor

from ml.data.augment.operations import Matrix, compose, get, sample
from ml.data.augment.policies import LEVELS, NUMBERS_PER_DRAW, Policy, Step

MAX_LEVEL = 1 - 2**-20


def apply(policy: Policy, pictures: Tensor, numbers: Tensor) -> Tensor:
    """Changed pictures, float (N, S, S, C), 0 to 255.

    Args:
        pictures: uint8 or float (N, S, S, C).
        numbers: (N, ``policy.numbers``), 0 to 1.
    """
    x = pictures.permute(0, 3, 1, 2).float()
    x = (
        _apply_steps(policy.steps, x, numbers)
        if policy.steps
        else _apply_random_choices(policy, x, numbers)
    )
    return x.permute(0, 2, 3, 1)


def _apply_steps(steps: tuple[Step, ...], x: Tensor, numbers: Tensor) -> Tensor:
    """One step after another; moves in a row are composed, and pixels are sampled once."""
    pending: Matrix | None = None
    column = 0
    for step in steps:
        operation = get(step.operation)
        happens = numbers[:, column] < step.chance
        own = numbers[:, column + 1 : column + 1 + operation.numbers]
        column += 1 + operation.numbers
        if operation.kind == "move":
            # In a move, 0.5 is neutral.
            matrix = operation.function(
                own.where(happens[:, None], own.new_tensor(0.5)), step.strength
            )
            pending = compose(pending, matrix) if pending else matrix
            continue
        if pending:
            x, pending = sample(x, pending), None
        if step.chance >= 1:
            x = operation(x, own, step.strength)
        else:
            rows = happens.nonzero().flatten()
            x = (
                x.index_copy(0, rows, operation(x[rows], own[rows], step.strength))
                if len(rows)
                else x
            )
    return sample(x, pending) if pending else x


def _apply_random_choices(policy: Policy, x: Tensor, numbers: Tensor) -> Tensor:
    """For each picture, ``draws`` randomly chosen operations."""
    count = len(policy.choices)
    for draw in range(policy.draws):
        choice_number, magnitude, sign = numbers[
            :, NUMBERS_PER_DRAW * draw : NUMBERS_PER_DRAW * (draw + 1)
        ].unbind(1)
        choice_number = (choice_number * count).long().clamp(max=count - 1)
        if policy.magnitude is None:
            level = (magnitude * (LEVELS + 1)).floor().clamp(max=LEVELS) / LEVELS
        else:
            level = torch.full_like(magnitude, policy.magnitude)
        number = 0.5 + 0.5 * MAX_LEVEL * level * torch.where(sign < 0.5, -1.0, 1.0)
        for index, choice in enumerate(policy.choices):
            rows = (choice_number == index).nonzero().flatten()
            if not choice.operation or not len(rows):
                continue
            operation = get(choice.operation)
            own = number.new_full((len(rows), operation.numbers), 0.5)
            own[:, choice.number] = number[rows]
            x = x.index_copy(0, rows, operation(x[rows], own, choice.most))
    return x
