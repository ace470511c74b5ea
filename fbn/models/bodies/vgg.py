"""VGG-FACE (Parkhi, Vedaldi & Zisserman, Deep face recognition, BMVC 2015) as paper C uses it, on 96x96 pictures."""

from torch import Tensor, nn

from fbn.models.bodies import Pooled, scaled

#: Number of convolutions and channels of each stage; stages are separated by pooling.
_STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
#: Width of the fully connected layers, and side of the input pictures in pixels.
_FULL, _SIZE = 4096, 96


class VggFace(Pooled):
    """Thirteen 3x3 convolutions, five poolings, two fully connected layers of 4096.

    Batch norm after each convolution and each hidden layer is fbn's addition: the pretrained weights of the original
    are not available. Without it in the hidden layers, features differ little between pictures, and training from
    random weights learned nothing in 600 steps.

    Args:
        width: factor on all channels.
        dropout: probability between the fully connected layers.
    """

    def __init__(self, width: float = 1.0, dropout: float = 0.5) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for count, stage in _STAGES:
            for _ in range(count):
                out = scaled(stage, width)
                layers += [nn.Conv2d(channels, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
                channels = out
            layers.append(nn.MaxPool2d(2))
        full = scaled(_FULL, width)
        super().__init__(nn.Sequential(*layers), full, _SIZE)
        self.full = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * (_SIZE // 2 ** len(_STAGES)) ** 2, full, bias=False),
            nn.BatchNorm1d(full),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(full, full, bias=False),
            nn.BatchNorm1d(full),
            nn.ReLU(inplace=True),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Compute [B, 4096 width] features of [B, 3, 96, 96] pictures, or of larger ones up to 127 pixels per side."""
        return self.norm(self.full(self.stages(images)))
