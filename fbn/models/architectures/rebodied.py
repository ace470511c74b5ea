"""What the other architectures share: FaceBehaviorNet's heads on features of another body."""

from collections.abc import Iterable

from torch import Tensor, nn

from fbn.models.network import OUTPUTS, FaceBehaviorNet
from fbn.models.spec import InputSpec
from fbn.vocabulary import Task


class Rebodied(FaceBehaviorNet):
    """A body that ends in a map of channels, whose mean over the picture all tasks are read from.

    A batch norm of these features, without weights, is fbn's addition: what an activation lets through lies far from 0
    and tells faces apart by little. In some hundreds of steps ResNet-50 and DenseNet-121 learn less without, VGG-FACE
    with some seeds.

    Args:
        body: [B, 3, H, W] in the declared range -> [B, channels, h, w].
        channels: that the heads read.
        tasks: which outputs to have.
        dropout: probability before the linear layer.
        size: side of the pictures it is made for.
    """

    def __init__(
        self, body: nn.Sequential, channels: int, tasks: Iterable[str], dropout: float, size: int = 112
    ) -> None:
        nn.Module.__init__(self)  # nothing of the parent's body
        wanted = {Task(task) for task in tasks}
        self.spec = InputSpec(size=size)
        self.tasks = tuple(task for task in OUTPUTS if task in wanted)
        self.widths, self.blocks = (channels,), ()
        self.body = body
        self.norm = nn.BatchNorm1d(channels, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, sum(OUTPUTS[task] for task in self.tasks))
        self._initialise()

    def features(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in the declared range -> [B, channels]."""
        return self.norm(self.body(images).mean((2, 3)))


def scaled(channels: int, width: float) -> int:
    """So many channels times a width, a multiple of 16, 16 at least: with 8 in bfloat16, CPUs overran their memory."""
    return max(16, 16 * round(channels * width / 16))
