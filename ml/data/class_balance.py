"""Class balance: weights of classes in the loss, and oversampling of small classes."""

import torch
from torch import Tensor

MAX_WEIGHT_RATIO = 10.0
"""The weight of a picture is at most so many times that of one of the largest class."""


def class_weights(labels: Tensor, classes: int = 0) -> Tensor:
    """The weight of a picture of each class: (K,) float32, with mean 1 over the ``labels`` (N,).

    It is inverse to the number of pictures of the class, up to ``MAX_WEIGHT_RATIO``.

    >>> class_weights(torch.tensor([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(labels.cpu(), minlength=classes).double()
    weights = (counts.max() / counts.clamp(min=1)).clamp(max=MAX_WEIGHT_RATIO)
    return (weights / (weights * counts).sum() * counts.sum()).float()


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Rows (N,) int64 of ``labels`` (N,) in which each class has an equal part, to one row.

    Small classes are repeated in random order; of large ones a random part is taken, another with
    every generator.
    """
    labels = labels.cpu()
    present = torch.bincount(labels).nonzero()[:, 0]
    share, extra = divmod(len(labels), len(present))
    with_extra = torch.randperm(len(present), generator=generator)[:extra]
    parts = []
    for position, label in enumerate(present):
        rows = (labels == label).nonzero()[:, 0]
        target = share + int((with_extra == position).any())
        rounds = -(-target // len(rows))
        rounds_of_rows = [
            rows[torch.randperm(len(rows), generator=generator)] for _ in range(rounds)
        ]
        parts.append(torch.cat(rounds_of_rows)[:target])
    order = torch.cat(parts)
    return order[torch.randperm(len(order), generator=generator)]
