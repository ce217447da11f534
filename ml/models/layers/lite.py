"""The bodies of EfficientNet-Lite0 to 2, with the parameter names of the published weights."""

import math

from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 1280
STAGES = (
    # expansion, channels, repeats, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: what is odd goes to the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, D, ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return functional.conv2d(
                x, self.weight, self.bias, 1, kernel // 2, self.dilation, self.groups
            )
        pads = [max((-size) % stride + kernel - stride, 0) for size in (x.shape[3], x.shape[2])]
        right = [(pad // 2, pad - pad // 2) for pad in pads]
        x = functional.pad(x, (*right[0], *right[1]))
        return functional.conv2d(x, self.weight, self.bias, stride, 0, self.dilation, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """Widen, convolve each channel by itself, narrow; added to the input where shapes agree."""

    def __init__(self, into: int, out: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        wide = into * expansion
        self.widens, self.adds = expansion > 1, stride == 1 and into == out
        if self.widens:
            self._expand_conv = nn.Conv2d(into, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        """(N, into, H, W) to (N, out, H / stride, W / stride)."""
        wide = functional.relu6(self._bn0(self._expand_conv(x))) if self.widens else x
        wide = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        y: Tensor = self._bn2(self._project_conv(wide))
        return x + y if self.adds else y


def round_channels(channels: float) -> int:
    """The nearest multiple of 8 that is not a tenth too low, as the authors round.

    >>> round_channels(16 * 1.1), round_channels(24 * 1.1), round_channels(112 * 1.1)
    (16, 24, 120)
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class LiteBody(nn.Module):
    """(N, C, H, W) to the last feature map (N, 1280, H / 32, W / 32).

    ``wide`` and ``deep`` multiply the channels and the repeats of the stages. The first and the
    last layers keep their channels, the first and the last stage their single block.
    """

    def __init__(self, channels: int = 3, wide: float = 1.0, deep: float = 1.0) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(channels, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks: list[nn.Module] = []
        into = 32
        for number, (expansion, channels_out, repeats, stride, kernel) in enumerate(STAGES):
            out = round_channels(channels_out * wide)
            inner = 0 < number < len(STAGES) - 1
            for repeat in range(math.ceil(repeats * deep) if inner else repeats):
                blocks.append(Block(into, out, expansion, stride if repeat == 0 else 1, kernel))
                into = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(into, CHANNELS, 1, bias=False)
        self._bn1 = _norm(CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        feature_map: Tensor = functional.relu6(self._bn1(self._conv_head(x)))
        return feature_map
