"""Augmentation of whole batches, as tensors on the device.

The change of a picture is a function of (seed, epoch, picture), not of its batch, so that a resumed
run equals an uninterrupted one.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from ml.data.augment.apply import apply
from ml.data.augment.policies import POLICIES

STRONG_NUMBERS = 10
"""Random numbers that ``strong`` needs for each picture and epoch."""
MAX_SHIFT = 0.05
"""How far a picture is moved at most, as a share of its side."""
MAX_WINDOWS_BYTES = 512 * 1024 * 1024
"""How many bytes the bordered copies of ``Windows`` may take."""
ERASED_SIDE = 0.3
"""The side of the square that ``strong`` erases, as a share of the picture's."""


def mix(*numbers: int) -> int:
    """One seed of 63 bits from several numbers; close numbers give unrelated seeds.

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
        self.columns = (
            self.steps.numbers if self.steps else STRONG_NUMBERS if policy == "strong" else 3
        )
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
        """A faster equivalent of a call, for all ``pictures`` (count, S, S, C) of the split; None
        for other policies, or where it takes too much memory."""
        mirror = self.policy == "light"
        if (
            self.policy not in ("shift", "light")
            or (1 + mirror) * pictures.numel() > MAX_WINDOWS_BYTES
        ):
            return None
        return Windows(pictures, mirror)

    @property
    def numbers(self) -> Tensor:
        """This epoch's random numbers (count, NUMBERS), 0 to 1."""
        return self._numbers


class Windows:
    """Shifted and mirrored pictures as windows into bordered copies that are made once.

    A batch then takes a tenth of the time of ``shift``, and is equal to it to the bit.
    """

    def __init__(self, pictures: Tensor, mirror: bool) -> None:
        self.count, self.size, _, self.channels = pictures.shape
        self.reach, self.mirror = _reach(self.size), mirror
        variants = (pictures, pictures.flip(2)) if mirror else (pictures,)
        side = self.size + 2 * self.reach
        flat = torch.cat([_bordered(part, self.reach) for part in variants]).flatten()
        self._strides = (side * side * self.channels, side * self.channels, self.channels)
        _, row_stride, column_stride = self._strides
        window_count = flat.numel() - (self.size - 1) * row_stride - self.size * column_stride + 1
        self._every = flat.as_strided(
            (window_count, self.size, self.size * self.channels), (1, row_stride, 1)
        )
        self._starts = torch.empty(0)

    def set_numbers(self, numbers: Tensor) -> None:
        """Choose the window of each picture by random numbers (count, NUMBERS), 0 to 1."""
        picture_stride, row_stride, column_stride = self._strides
        moves = (numbers[:, :2] * (2 * self.reach + 1)).long()
        picture = torch.arange(self.count, device=numbers.device)
        if self.mirror:
            mirrored = numbers[:, 2] < 0.5
            mirrored_move = 2 * self.reach - moves[:, 1]  # a mirror swaps left and right
            moves[:, 1] = torch.where(mirrored, mirrored_move, moves[:, 1])
            picture += mirrored * self.count
        self._starts = (
            picture * picture_stride + moves[:, 0] * row_stride + moves[:, 1] * column_stride
        )

    def __getitem__(self, rows: Tensor) -> Tensor:
        """uint8 (N, S, S, C)."""
        windows = self._every.index_select(0, self._starts[rows])
        return windows.view(len(rows), self.size, self.size, self.channels)


def shift(pictures: Tensor, numbers: Tensor, *, mirror: bool) -> Tensor:
    """Shift uint8 pictures (N, S, S, C) by up to a twentieth of the side, with reflected borders.

    With ``mirror``, half of them are mirrored. Each is a window of itself with a border, so that
    blocks of uint8 are copied and nothing is computed.
    """
    count, size, _, channels = pictures.shape
    reach = _reach(size)
    padded = _bordered(pictures, reach)
    _, row_stride, column_stride, _ = padded.stride()
    offsets = 2 * reach + 1
    windows = padded.as_strided(
        (count, offsets, offsets, size, size, channels),
        (padded.stride(0), row_stride, column_stride, row_stride, column_stride, 1),
    )
    moves = (numbers[:, :2] * offsets).long()
    shifted = windows[torch.arange(count, device=pictures.device), moves[:, 0], moves[:, 1]]
    if not mirror:
        return shifted
    return torch.where(numbers[:, 2].view(-1, 1, 1, 1) < 0.5, shifted.flip(2), shifted)


def _reach(size: int) -> int:
    return max(1, round(size * MAX_SHIFT))


def _bordered(pictures: Tensor, reach: int) -> Tensor:
    """Pictures with a reflected border of ``reach`` pixels."""
    size = pictures.shape[1]
    line = torch.arange(-reach, size + reach, device=pictures.device)
    line = size - 1 - (size - 1 - line.abs()).abs()
    return pictures.index_select(1, line).index_select(2, line)


def strong(pictures: Tensor, numbers: Tensor) -> Tensor:
    """Mirror, crop to 60 to 100 % of the area, turn by up to 15 degrees, recolour, erase: uint8
    (N, S, S, C) to float (N, S, S, C), 0 to 255."""
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
    rows = (line >= top[:, None] - ERASED_SIDE / 2) & (line <= top[:, None] + ERASED_SIDE / 2)
    columns = (line >= left[:, None] - ERASED_SIDE / 2) & (line <= left[:, None] + ERASED_SIDE / 2)
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(hole, mean, x).clamp(0, 255).permute(0, 2, 3, 1)
