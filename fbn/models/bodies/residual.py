"""The body of paper A, section 3.1.1: residual blocks with squeeze-and-excitation.

Paper A states neither depth nor widths; the defaults are chosen for a latency under 2 ms on one thread.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from fbn.models.bodies import Body

#: Number of channels that oneDNN processes at once with AVX-512.
_BLOCK = 16


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from the spatial means of all channels (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        inner = max(8, channels // reduction)
        # 1x1 convolutions, not linear layers: onnxruntime then keeps its blocked layout through the gate
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Rescale the channels of [B, C, H, W] feature maps."""
        return x * self.gate(x)


class Shortcut(nn.Conv2d):
    """A 1x1 convolution with a stride.

    With few channels the input is subsampled first, which gives the same result and avoids a bug of oneDNN (issue 6035;
    3.12 and before): an out-of-bounds write in float32 with channels last.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs, H, W] feature maps to [B, outputs, H / stride, W / stride]."""
        if self.in_channels >= _BLOCK:
            return super().forward(x)
        return functional.conv2d(x[:, :, :: self.stride[0], :: self.stride[1]], self.weight)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, a gate, and a shortcut (He et al. 2016, basic block)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            SqueezeExcitation(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(Shortcut(inputs, outputs, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs, H, W] feature maps to [B, outputs, H / stride, W / stride]."""
        return torch.relu(self.shortcut(x) + self.body(x))


class Residual(Body):
    """A stem, stages of residual blocks and global average pooling.

    Args:
        widths: channels of each stage; the first also of the stem. Each stage halves the resolution.
        blocks: residual blocks in each stage.
    """

    def __init__(self, widths: Iterable[int] = (32, 64, 128, 256), blocks: Iterable[int] = (2, 2, 2, 2)) -> None:
        widths, blocks = tuple(widths), tuple(blocks)
        super().__init__(widths[-1])
        self.widths, self.blocks = widths, blocks
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        stages: list[nn.Module] = []
        channels = widths[0]
        for width, count in zip(widths, blocks, strict=True):
            for i in range(count):
                stages.append(ResidualBlock(channels, width, stride=2 if i == 0 else 1))
                channels = width
        self.stages = nn.Sequential(*stages)

    def forward(self, images: Tensor) -> Tensor:
        """Compute [B, widths[-1]] features of [B, 3, H, W] pictures."""
        return self.stages(self.stem(images)).mean((2, 3))
