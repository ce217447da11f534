"""Registry of augmentation operations: each is one decorated function on a batch.

No torch at import: the functions import it when they are called, so that a page can list them.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

FAMILIES = ("geometric", "photometric", "filters", "perturbations")
"""The modules of this package whose import registers operations."""

Matrix = tuple[Any, Any, Any, Any, Any, Any]
"""An affine map from output to input coordinates (-1 to 1), by rows (a, b, x, c, d, y): numbers or
tensors (N,)."""
Change = Callable[["Tensor", "Tensor", float], "Tensor"]


@dataclass(frozen=True)
class Operation:
    """One random change of pictures.

    ``strength`` goes from 0, which changes nothing, to ``max_strength``; ``default_strength`` suits
    most pictures. ``unit`` is the unit of the strength: ``of the side``, ``of the pictures``,
    ``degrees``, ``bits``, or empty for a share. ``numbers`` random numbers are drawn a picture.

    ``kind`` is ``change`` for a function of pictures, numbers and strength, or ``move`` for one of
    numbers and strength that gives a ``Matrix``; pictures are sampled once for several moves in a
    row.
    """

    name: str
    label: str
    help: str
    numbers: int
    max_strength: float
    default_strength: float
    unit: str
    kind: str
    function: Callable[..., Any]

    def __call__(self, pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
        """Changed ``pictures``: both float (N, C, S, S), 0 to 255.

        Args:
            numbers: (N, ``numbers``), 0 to 1. In a move, 0.5 leaves a picture as it is.
        """
        if self.kind == "move":
            return sample(pictures, self.function(numbers, strength))
        changed: Tensor = self.function(pictures, numbers, strength).clamp(0, 255)
        return changed


_operations: dict[str, Operation] = {}


def operation(
    label: str,
    help: str,
    *,
    numbers: int = 1,
    max_strength: float = 1.0,
    default_strength: float,
    unit: str = "",
    kind: str = "change",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function under its name; the arguments are those of ``Operation``.

    Raises:
        ValueError: there is an operation of that name already.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        if name in _operations:
            raise ValueError(f"There are two operations named {name}.")
        _operations[name] = Operation(
            name, label, help, numbers, max_strength, default_strength, unit, kind, function
        )
        return function

    return decorate


def all_operations() -> list[Operation]:
    """Every operation, those that move pixels first."""
    for family in FAMILIES:
        importlib.import_module(f"ml.data.augment.{family}")
    return list(_operations.values())


def get(name: str) -> Operation:
    """The operation of that name.

    Raises:
        BadInputError: there is no such operation.
    """
    by_name = {operation.name: operation for operation in all_operations()}
    if name not in by_name:
        raise BadInputError(f"There is no change named {name}. There are: {', '.join(by_name)}.")
    return by_name[name]


def compose(first: Matrix, second: Matrix) -> Matrix:
    """The matrix of ``first`` and then ``second``, both as seen on the picture."""
    a, b, x, c, d, y = first
    e, f, u, g, h, v = second
    return (
        a * e + b * g,
        a * f + b * h,
        a * u + b * v + x,
        c * e + d * g,
        c * f + d * h,
        c * u + d * v + y,
    )


def sample(pictures: "Tensor", matrix: Matrix) -> "Tensor":
    """Pictures float (N, C, S, S) resampled by ``matrix``; the border is reflected."""
    import torch
    from torch.nn import functional

    count = len(pictures)
    parts = [
        part if isinstance(part, torch.Tensor) else pictures.new_full((count,), float(part))
        for part in matrix
    ]
    theta = torch.stack(parts, 1).view(count, 2, 3)
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
