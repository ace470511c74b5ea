"""Bodies: map [B, 3, H, W] pictures in the range of the network's ``InputSpec`` to [B, channels] features.

To add a body, write a subclass of ``Body`` in this folder and a network that uses it in ``fbn.models.zoo``.
"""

from torch import Tensor, nn


class Body(nn.Module):
    """Base class of bodies.

    Args:
        channels: number of features.
        size: side of the input pictures in pixels.
    """

    #: Outputs the feature maps [B, channels, h, w] from which the features are computed.
    stages: nn.Module

    def __init__(self, channels: int, size: int = 112) -> None:
        super().__init__()
        self.channels, self.size = channels, size

    def initialise(self) -> None:
        """Initialise convolutions with He initialisation by fan-out (He et al. 2015)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class Pooled(Body):
    """A body with global average pooling and batch norm of its feature maps.

    The batch norm, without affine weights, is fbn's addition: pooled activations are far from 0 and differ little
    between faces. Without it ResNet-50, DenseNet-121 and, for some seeds, VGG-FACE learn less in hundreds of steps.
    """

    def __init__(self, stages: nn.Module, channels: int, size: int = 112) -> None:
        super().__init__(channels, size)
        self.stages = stages
        self.norm = nn.BatchNorm1d(channels, affine=False)

    def forward(self, images: Tensor) -> Tensor:
        """Compute [B, channels] features of [B, 3, H, W] pictures."""
        return self.norm(self.stages(images).mean((2, 3)))


def scaled(channels: int, width: float) -> int:
    """Scale a number of channels to a multiple of 16, at least 16: with 8 in bfloat16, CPUs wrote out of bounds."""
    return max(16, 16 * round(channels * width / 16))
