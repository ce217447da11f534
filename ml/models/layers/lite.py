"""EfficientNet-Lite bodies (Lite0 to Lite2), with the parameter names of the published weights."""

import math

from torch import Tensor, nn
from torch.nn import functional

LAST_CHANNELS = 1280
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
    """A convolution with TensorFlow's "same" padding: an odd pixel goes right and bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, D, ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return functional.conv2d(
                x, self.weight, self.bias, 1, kernel // 2, self.dilation, self.groups
            )
        pads = [max((-size) % stride + kernel - stride, 0) for size in (x.shape[3], x.shape[2])]
        padding = [(pad // 2, pad - pad // 2) for pad in pads]
        x = functional.pad(x, (*padding[0], *padding[1]))
        return functional.conv2d(x, self.weight, self.bias, stride, 0, self.dilation, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedResidual(nn.Module):
    """An inverted residual block (MBConv): expand, depthwise convolution, project.

    The input is added where it has the shape of the output.
    """

    def __init__(
        self, in_channels: int, out_channels: int, expansion: int, stride: int, kernel: int
    ) -> None:
        super().__init__()
        expanded_channels = in_channels * expansion
        self.expands, self.has_residual = expansion > 1, stride == 1 and in_channels == out_channels
        if self.expands:
            self._expand_conv = nn.Conv2d(in_channels, expanded_channels, 1, bias=False)
            self._bn0 = _norm(expanded_channels)
        self._depthwise_conv = SameConv2d(
            expanded_channels,
            expanded_channels,
            kernel,
            stride,
            groups=expanded_channels,
            bias=False,
        )
        self._bn1 = _norm(expanded_channels)
        self._project_conv = nn.Conv2d(expanded_channels, out_channels, 1, bias=False)
        self._bn2 = _norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        expanded = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        expanded = functional.relu6(self._bn1(self._depthwise_conv(expanded)))
        y: Tensor = self._bn2(self._project_conv(expanded))
        return x + y if self.has_residual else y


def round_channels(channels: float) -> int:
    """The nearest multiple of 8 that is at least 0.9 times ``channels``, as the authors round.

    >>> round_channels(16 * 1.1), round_channels(24 * 1.1), round_channels(112 * 1.1)
    (16, 24, 120)
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class LiteBody(nn.Module):
    """(N, C, H, W) to the last feature map (N, 1280, H / 32, W / 32).

    ``width_multiplier`` scales the channels of the stages, ``depth_multiplier`` their repeats. The
    first and the last convolution keep their channels, the first and the last stage their block.
    """

    def __init__(
        self, channels: int = 3, width_multiplier: float = 1.0, depth_multiplier: float = 1.0
    ) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(channels, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks: list[nn.Module] = []
        in_channels = 32
        for number, (expansion, stage_channels, repeats, stride, kernel) in enumerate(STAGES):
            out_channels = round_channels(stage_channels * width_multiplier)
            is_scaled_stage = 0 < number < len(STAGES) - 1
            for repeat in range(
                math.ceil(repeats * depth_multiplier) if is_scaled_stage else repeats
            ):
                blocks.append(
                    InvertedResidual(
                        in_channels, out_channels, expansion, stride if repeat == 0 else 1, kernel
                    )
                )
                in_channels = out_channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(in_channels, LAST_CHANNELS, 1, bias=False)
        self._bn1 = _norm(LAST_CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        feature_map: Tensor = functional.relu6(self._bn1(self._conv_head(x)))
        return feature_map
