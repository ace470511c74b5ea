"""Bodies: [B, 3, H, W] pictures in the declared range -> [B, channels] features, which heads read.

To add one: a subclass of ``Body`` in a file here, and a network with it in ``fbn.models.zoo``.
"""

from torch import Tensor, nn


class Body(nn.Module):
    """What bodies have in common.

    Args:
        channels: of the features.
        size: side of the pictures it is made for.
    """

    #: Whose output is a map of channels [B, channels, h, w]; the features are made of it.
    stages: nn.Module

    def __init__(self, channels: int, size: int = 112) -> None:
        super().__init__()
        self.channels, self.size = channels, size

    def initialise(self) -> None:
        """Fresh weights of convolutions, scaled by what each makes (He et al. 2015)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class Pooled(Body):
    """A body that ends in a map of channels, whose mean over the picture is normed.

    The batch norm, without weights, is fbn's addition: what an activation lets through lies far from 0 and tells faces
    apart by little. In some hundreds of steps ResNet-50 and DenseNet-121 learn less without, VGG-FACE with some seeds.
    """

    def __init__(self, stages: nn.Module, channels: int, size: int = 112) -> None:
        super().__init__(channels, size)
        self.stages = stages
        self.norm = nn.BatchNorm1d(channels, affine=False)

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in the declared range -> [B, channels]."""
        return self.norm(self.stages(images).mean((2, 3)))


def scaled(channels: int, width: float) -> int:
    """So many channels times a width, a multiple of 16, 16 at least: with 8 in bfloat16, CPUs overran their memory."""
    return max(16, 16 * round(channels * width / 16))
