"""Random changes of whole batches, as tensors on the device.

What happens to a picture is a function of (seed, epoch, picture), not of the batch it falls into:
that is what makes a resumed run equal to an uninterrupted one.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from ml.data.augment.apply import apply
from ml.data.augment.policies import POLICIES

NUMBERS = 10
"""Random numbers that ``strong`` takes for each picture and epoch."""
REACH = 0.05
"""How far a picture is moved, as a share of its side."""
WINDOWS_BYTES = 512 * 1024 * 1024
"""How much memory may go into copies with a border."""
ERASED = 0.3
"""Side of the square that ``strong`` may erase, as a share of the picture's."""


def mix(*numbers: int) -> int:
    """One seed of 63 bits from several numbers, so that neighbours do not resemble each other.

    >>> mix(0, 1) != mix(1, 0)
    True
    """
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9 % 2**64
        state ^= state >> 31
    return state % 2**63


class Augment:
    """Call it with uint8 pictures (N, S, S, C) and their row numbers (N,) in the training split.

    Policies: ``shift`` moves a picture by up to a twentieth, ``light`` also mirrors it, ``strong``
    mirrors, scales, turns, recolours and erases a part; further ones are in
    ``ml.data.augment.policies``.
    """

    def __init__(
        self, policy: str, seed: int, count: int, device: torch.device | str = "cpu"
    ) -> None:
        self.policy, self.seed, self.count = policy, seed, count
        self.device = torch.device(device)
        self.steps = POLICIES.get(policy)
        self.columns = self.steps.numbers if self.steps else NUMBERS if policy == "strong" else 3
        self._numbers = torch.empty(0)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch's random numbers: (count, columns), 0 to 1."""
        generator = torch.Generator().manual_seed(mix(self.seed, epoch, 1))
        drawn = torch.rand(self.count, self.columns, generator=generator)
        self._numbers = drawn.to(self.device)

    def __call__(self, pictures: Tensor, rows: Tensor) -> Tensor:
        """Changed pictures of the same shape: uint8, or float of 0 to 255 from all but ``shift``
        and ``light``."""
        numbers = self._numbers[rows]
        if self.steps:
            return apply(self.steps, pictures, numbers)
        if self.policy == "strong":
            return strong(pictures, numbers)
        return shift(pictures, numbers, mirror=self.policy == "light")

    def windows(self, pictures: Tensor) -> "Windows | None":
        """What cuts batches out of all ``pictures`` (count, S, S, C) of the split, as a call of
        this does; None where that is not possible or takes too much memory."""
        mirror = self.policy == "light"
        if self.policy not in ("shift", "light") or (1 + mirror) * pictures.numel() > WINDOWS_BYTES:
            return None
        return Windows(pictures, mirror)

    @property
    def numbers(self) -> Tensor:
        """This epoch's random numbers (count, NUMBERS), 0 to 1."""
        return self._numbers


class Windows:
    """Moved and mirrored pictures as windows into copies with a border, made once.

    A batch is then one copy of memory, a tenth of the work of ``shift`` and equal to it to the bit.
    """

    def __init__(self, pictures: Tensor, mirror: bool) -> None:
        self.count, self.size, _, self.channels = pictures.shape
        self.reach, self.mirror = _reach(self.size), mirror
        ways = (pictures, pictures.flip(2)) if mirror else (pictures,)
        self._side = side = self.size + 2 * self.reach
        flat = torch.cat([_bordered(part, self.reach) for part in ways]).flatten()
        self._strides = (side * side * self.channels, side * self.channels, self.channels)
        _, down, across = self._strides
        room = flat.numel() - (self.size - 1) * down - self.size * across + 1
        self._every = flat.as_strided((room, self.size, self.size * self.channels), (1, down, 1))
        self._starts = torch.empty(0)

    def set_numbers(self, numbers: Tensor) -> None:
        """Choose the window of each picture by random numbers (count, NUMBERS), 0 to 1."""
        whole, down, across = self._strides
        moves = (numbers[:, :2] * (2 * self.reach + 1)).long()
        place = torch.arange(self.count, device=numbers.device)
        if self.mirror:
            mirrored = numbers[:, 2] < 0.5
            back = 2 * self.reach - moves[:, 1]  # to the left is to the right in a mirror
            moves[:, 1] = torch.where(mirrored, back, moves[:, 1])
            place += mirrored * self.count
        self._starts = place * whole + moves[:, 0] * down + moves[:, 1] * across

    def __getitem__(self, rows: Tensor) -> Tensor:
        """uint8 (N, S, S, C)."""
        found = self._every.index_select(0, self._starts[rows])
        return found.view(len(rows), self.size, self.size, self.channels)


def shift(pictures: Tensor, numbers: Tensor, *, mirror: bool) -> Tensor:
    """Move by up to a twentieth of the side; the border reflects what lies inside it.

    Every picture is a window of itself with a reflected border, so whole blocks of memory are
    copied, without leaving uint8.
    """
    count, size, _, channels = pictures.shape
    reach = _reach(size)
    padded = _bordered(pictures, reach)
    _, down, across, _ = padded.stride()
    ways = 2 * reach + 1
    windows = padded.as_strided(
        (count, ways, ways, size, size, channels),
        (padded.stride(0), down, across, down, across, 1),
    )
    moves = (numbers[:, :2] * ways).long()
    found = windows[torch.arange(count, device=pictures.device), moves[:, 0], moves[:, 1]]
    if not mirror:
        return found
    return torch.where(numbers[:, 2].view(-1, 1, 1, 1) < 0.5, found.flip(2), found)


def _reach(size: int) -> int:
    return max(1, round(size * REACH))


def _bordered(pictures: Tensor, reach: int) -> Tensor:
    """With a border of ``reach`` pixels that reflects what lies inside it."""
    size = pictures.shape[1]
    line = torch.arange(-reach, size + reach, device=pictures.device)
    line = size - 1 - (size - 1 - line.abs()).abs()
    return pictures.index_select(1, line).index_select(2, line)


def strong(pictures: Tensor, numbers: Tensor) -> Tensor:
    """Mirror, crop to 60 to 100 % of the area, turn by up to 15 degrees, recolour, erase."""
    count, size, _, channels = pictures.shape
    centred = numbers * 2 - 1
    flip = torch.where(numbers[:, 0] < 0.5, -1.0, 1.0)
    scale = (0.6 + 0.4 * numbers[:, 1]).sqrt()
    turn = centred[:, 2] * math.radians(15)
    room = 1 - scale
    affine = torch.stack(
        [
            torch.stack([flip * scale * turn.cos(), -scale * turn.sin(), centred[:, 3] * room], 1),
            torch.stack([flip * scale * turn.sin(), scale * turn.cos(), centred[:, 4] * room], 1),
        ],
        1,
    )
    x = pictures.permute(0, 3, 1, 2).float()
    grid = functional.affine_grid(affine, [count, channels, size, size], align_corners=False)
    x = functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    brightness = 1 + 0.25 * centred[:, 5].view(-1, 1, 1, 1)
    contrast = 1 + 0.25 * centred[:, 6].view(-1, 1, 1, 1)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = ((x - mean) * contrast + mean) * brightness
    if channels == 3:
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * (1 + 0.25 * centred[:, 7].view(-1, 1, 1, 1))
    # A square at a random place becomes the picture's mean; in a quarter of cases it lies outside.
    line = torch.arange(size, device=x.device) / size
    top, left = (numbers[:, 8] * 4 / 3, numbers[:, 9])
    rows = (line >= top[:, None] - ERASED / 2) & (line <= top[:, None] + ERASED / 2)
    columns = (line >= left[:, None] - ERASED / 2) & (line <= left[:, None] + ERASED / 2)
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(hole, mean, x).clamp(0, 255).permute(0, 2, 3, 1)
