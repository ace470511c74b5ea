"""ResNet-50 (He et al., Deep residual learning for image recognition, CVPR 2016)."""

import torch
from torch import Tensor, nn

from fbn.models.bodies import Pooled, scaled

_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_EXPANSION = 4


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut; the stride is in the 3x3 one."""

    def __init__(self, inputs: int, middle: int, stride: int) -> None:
        super().__init__()
        outputs = _EXPANSION * middle
        self.body = nn.Sequential(
            *_convolution(inputs, middle, 1),
            nn.ReLU(inplace=True),
            *_convolution(middle, middle, 3, stride),
            nn.ReLU(inplace=True),
            *_convolution(middle, outputs, 1),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs, H, W] feature maps to [B, 4 middle, H / stride, W / stride]."""
        return torch.relu(self.shortcut(x) + self.body(x))


class ResNet50(Pooled):
    """The 50-layer network without its classifier.

    Args:
        width: factor on all channels.
    """

    def __init__(self, width: float = 1.0) -> None:
        channels = scaled(_STAGES[0][1], width)
        layers: list[nn.Module] = [
            *_convolution(3, channels, 7, 2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        ]
        for number, (count, stage) in enumerate(_STAGES):
            middle = scaled(stage, width)
            for i in range(count):
                layers.append(Bottleneck(channels, middle, stride=2 if i == 0 and number else 1))
                channels = _EXPANSION * middle
        super().__init__(nn.Sequential(*layers), channels)

    def initialise(self) -> None:
        """Initialise blocks to their shortcut (Goyal et al. 2017): otherwise some seeds learn little in 600 steps."""
        super().initialise()
        for module in self.modules():
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.get_parameter("body.7.weight"))
