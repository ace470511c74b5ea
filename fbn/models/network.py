"""FaceBehaviorNet: one residual body, one linear layer for expression, action units, valence and arousal."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses
from fbn.models.spec import InputSpec
from fbn.records import Predictions
from fbn.vocabulary import AU_NUMBERS, EXPRESSIONS, Task

#: Outputs of each task, in the order they stand in the linear layer (paper A: 2 + 7 + 17).
OUTPUTS: dict[Task, int] = {
    Task.VALENCE_AROUSAL: 2,
    Task.EXPRESSION: len(EXPRESSIONS),
    Task.ACTION_UNITS: len(AU_NUMBERS),
}
#: Channels that AVX-512 takes at once.
_BLOCK = 16


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from the picture's mean of all channels (Hu et al. 2018)."""

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
        """[B, C, H, W] -> the same."""
        return x * self.gate(x)


class Shortcut(nn.Conv2d):
    """A 1x1 convolution with a stride.

    Of few channels it takes the places first that the stride leaves: the same sums, and a way round a fault of oneDNN
    (its issue 6035; 3.12 and before), which otherwise writes past its memory in whole precision, channels last.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""
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
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""
        return torch.relu(self.shortcut(x) + self.body(x))


class FaceBehaviorNet(nn.Module):
    """The network of paper A, section 3.1.1: every task is a linear read-out of the same features.

    Paper A gives neither depth nor widths; the defaults are chosen to answer in under 2 ms on one thread.

    Args:
        tasks: which outputs to have; all three, or one for a single-task body.
        widths: channels of each stage; the first also of the stem. Each stage halves the resolution.
        blocks: residual blocks in each stage.
        dropout: probability before the linear layer.

    Attributes:
        spec: what it wants to be shown.
        tasks: its tasks in the order of its outputs.
        classes: the compound expressions it has logits for; None without such a head.
        temperature: what scores of those are divided by.
    """

    classes: CompoundClasses | None = None
    temperature: float = DEFAULT_TEMPERATURE

    def __init__(
        self,
        tasks: Iterable[str] = tuple(Task),
        widths: Iterable[int] = (32, 64, 128, 256),
        blocks: Iterable[int] = (2, 2, 2, 2),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        wanted = {Task(task) for task in tasks}
        self.spec = InputSpec()
        self.tasks = tuple(task for task in OUTPUTS if task in wanted)
        self.widths = widths = tuple(widths)
        self.blocks = blocks = tuple(blocks)
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        stages: list[nn.Module] = []
        channels = widths[0]
        for width, count in zip(widths, blocks, strict=True):
            for i in range(count):
                stages.append(ResidualBlock(channels, width, stride=2 if i == 0 else 1))
                channels = width
        self.body = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, sum(OUTPUTS[task] for task in self.tasks))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.output.weight, std=0.01)
        nn.init.zeros_(self.output.bias)

    def features(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in the declared range -> [B, widths[-1]], the features all tasks are pooled from."""
        return self.body(self.stem(images)).mean((2, 3))

    def forward(self, images: Tensor) -> Predictions:
        """[B, 3, H, W] in the declared range -> predictions of batch shape [B]."""
        return self.heads(self.features(images))

    def heads(self, features: Tensor) -> Predictions:
        """[B, widths[-1]], what ``features`` gave -> predictions of batch shape [B]."""
        raw = self.output(self.dropout(features))
        parts = dict(zip(self.tasks, raw.split([OUTPUTS[task] for task in self.tasks], -1), strict=True))
        return Predictions(
            expression_logits=parts.get(Task.EXPRESSION),
            action_unit_logits=parts.get(Task.ACTION_UNITS),
            valence_arousal=parts.get(Task.VALENCE_AROUSAL),
        )

    def columns(self, task: Task) -> slice:
        """Where a task's outputs stand in the linear layer. Raises KeyError where the network has no such task."""
        start = 0
        for name in self.tasks:
            if name == task:
                return slice(start, start + OUTPUTS[name])
            start += OUTPUTS[name]
        raise KeyError(task)
