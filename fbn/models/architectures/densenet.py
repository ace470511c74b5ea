"""DenseNet-121 (Huang et al., Densely connected convolutional networks, CVPR 2017)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from fbn.models.architectures.rebodied import Rebodied, scaled
from fbn.vocabulary import Task

_BLOCKS = (6, 12, 24, 16)
_GROWTH, _BOTTLENECK = 32, 4


def _before(inputs: int, outputs: int, size: int) -> list[nn.Module]:
    """Norm and activation come before the convolution."""
    return [
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
    ]


class DenseLayer(nn.Module):
    """A bottleneck and a 3x3 convolution, whose channels are put behind those that came in."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        middle = _BOTTLENECK * growth
        self.body = nn.Sequential(*_before(inputs, middle, 1), *_before(middle, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, inputs + growth, H, W]."""
        return torch.cat([x, self.body(x)], 1)


class DenseNet121(Rebodied):
    """The 121-layer network with our outputs.

    Args:
        tasks: which outputs to have.
        width: factor on the growth rate, and so on all channels.
        dropout: probability before the linear layer.
    """

    def __init__(self, tasks: Iterable[str] = tuple(Task), width: float = 1.0, dropout: float = 0.2) -> None:
        growth = scaled(_GROWTH, width)
        channels = 2 * growth
        layers: list[nn.Module] = [
            nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        ]
        for number, count in enumerate(_BLOCKS):
            if number:
                layers += [*_before(channels, channels // 2, 1), nn.AvgPool2d(2)]
                channels //= 2
            for _ in range(count):
                layers.append(DenseLayer(channels, growth))
                channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        super().__init__(nn.Sequential(*layers), channels, tasks, dropout)
