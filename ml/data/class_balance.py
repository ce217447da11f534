"""Classes of unequal size: pictures that count for more, or are shown more often."""

import torch
from torch import Tensor

MOST = 10.0
"""A picture counts for at most so many times as much as one of the largest class."""


def class_weights(labels: Tensor, classes: int = 0) -> Tensor:
    """What a picture of each class counts for, (K,) float32, with mean 1 over the ``labels`` (N,).

    In inverse proportion to the pictures of its class, so that all classes count the same, up to a
    limit: a few pictures must not outweigh all others.

    >>> class_weights(torch.tensor([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = torch.bincount(labels.cpu(), minlength=classes).double()
    weights = (counts.max() / counts.clamp(min=1)).clamp(max=MOST)
    return (weights / (weights * counts).sum() * counts.sum()).float()


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Rows (N,) int64 of ``labels`` (N,) in which each class has an equal part, to one row.

    Each class is dealt out in a random order, from its start again once all its rows are out. The
    rows of a large class that have no place change from one generator to the next.
    """
    labels = labels.cpu()
    present = torch.bincount(labels).nonzero()[:, 0]
    share, more = divmod(len(labels), len(present))
    favoured = torch.randperm(len(present), generator=generator)[:more]
    found = []
    for place, label in enumerate(present):
        rows = (labels == label).nonzero()[:, 0]
        wanted = share + int((favoured == place).any())
        rounds = -(-wanted // len(rows))
        dealt = [rows[torch.randperm(len(rows), generator=generator)] for _ in range(rounds)]
        found.append(torch.cat(dealt)[:wanted])
    order = torch.cat(found)
    return order[torch.randperm(len(order), generator=generator)]
