"""What a network wants to be shown: declared on the network, converted to in one place."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class InputSpec:
    """Size, channel order and value range of a network's input.

    Attributes:
        size: side of the square crop in pixels.
        channels: order of the colour channels the network was trained on.
        low: value of a black pixel.
        high: value of a white pixel.
    """

    size: int = 112
    channels: Literal["RGB", "BGR"] = "RGB"
    low: float = -1.0
    high: float = 1.0

    def prepare(self, crops: np.ndarray | Tensor) -> Tensor:
        """The one conversion from pictures to a network's input.

        Args:
            crops: [B, size, size, 3] uint8 RGB.

        Returns:
            [B, 3, size, size] float32 in [low, high], channels last in memory.

        Raises:
            ValueError: another shape or type.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(crops)) if isinstance(crops, np.ndarray) else crops
        if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (self.size, self.size, 3):
            expected = f"[B, {self.size}, {self.size}, 3] uint8"
            raise ValueError(f"crops are {list(pixels.shape)} {pixels.dtype}: expected {expected}")
        if self.channels == "BGR":
            pixels = pixels.flip(-1)
        scaled = pixels.to(torch.float32).mul_((self.high - self.low) / 255).add_(self.low)
        return scaled.permute(0, 3, 1, 2)
