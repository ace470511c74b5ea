"""DenseNet-121 (Huang et al., Densely connected convolutional networks, CVPR 2017)."""

import torch
from torch import Tensor, nn

from fbn.models.bodies import Pooled, scaled

_BLOCKS = (6, 12, 24, 16)
#: Channels that a layer adds, and the factor on them of its bottleneck.
_GROWTH, _BOTTLENECK = 32, 4
#: Initial weight in a batch norm of maps that the block computed; maps from its input have 1.
_INITIAL_SCALE = 0.1


def _before(inputs: int, outputs: int, size: int, old: int | None = None) -> list[nn.Module]:
    """Batch norm, activation and convolution; the first ``old`` maps are the block's input (None: all)."""
    norm = nn.BatchNorm2d(inputs)
    if old is not None:
        nn.init.constant_(norm.weight[old:], _INITIAL_SCALE)
    return [norm, nn.ReLU(inplace=True), nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)]


class DenseLayer(nn.Module):
    """A bottleneck and a 3x3 convolution, whose output is concatenated to the input."""

    def __init__(self, inputs: int, growth: int, old: int) -> None:
        super().__init__()
        middle = _BOTTLENECK * growth
        self.body = nn.Sequential(*_before(inputs, middle, 1, old), *_before(middle, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Append ``growth`` channels to [B, inputs, H, W] feature maps."""
        return torch.cat([x, self.body(x)], 1)


class DenseNet121(Pooled):
    """The 121-layer network without its classifier.

    Blocks are initialised close to the identity: batch norms scale the maps that the block computed by 0.1. That is
    fbn's addition, similar to ResNet-50's zero-initialised norms: without it the network learned less in 600 steps.

    Args:
        width: factor on the growth rate and thereby on all channels.
    """

    def __init__(self, width: float = 1.0) -> None:
        growth = scaled(_GROWTH, width)
        channels = 2 * growth
        layers: list[nn.Module] = [
            nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        ]
        old = channels
        for number, count in enumerate(_BLOCKS):
            if number:
                layers += [*_before(channels, channels // 2, 1, old), nn.AvgPool2d(2)]
                channels //= 2
                old = channels
            for _ in range(count):
                layers.append(DenseLayer(channels, growth, old))
                channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        super().__init__(nn.Sequential(*layers), channels)

    def initialise(self) -> None:
        """Initialise convolutions by fan-in, not fan-out: they have many inputs and few outputs."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
