"""A network's input: size, channel order and value range, and the conversion of pictures to it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from fbn.faces.arrays import PictureError, as_rgb


@dataclass(frozen=True)
class InputSpec:
    """Size, channel order and value range of a network's input.

    Attributes:
        size: side of the square crop in pixels.
        channels: order of the colour channels.
        low: value of a black pixel.
        high: value of a white pixel.
    """

    size: int = 112
    channels: Literal["RGB", "BGR"] = "RGB"
    low: float = -1.0
    high: float = 1.0

    def prepare(self, crops: np.ndarray | Tensor) -> Tensor:
        """Convert pictures to the input of the network.

        Args:
            crops: [B, size, size, 3] uint8 RGB, or B pictures of that size that ``as_rgb`` accepts.

        Returns:
            [B, 3, size, size] float32 in [low, high], channels last in memory.

        Raises:
            PictureError: another size, or not a picture.
        """
        pixels = crops if isinstance(crops, Tensor) else torch.from_numpy(self._pictures(crops))
        if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (self.size, self.size, 3):
            pixels = torch.from_numpy(self._pictures(pixels)).to(pixels.device)
        if self.channels == "BGR":
            pixels = pixels.flip(-1)
        scaled = pixels.to(torch.float32).mul_((self.high - self.low) / 255).add_(self.low)
        return scaled.permute(0, 3, 1, 2)

    def _pictures(self, crops: Any) -> np.ndarray:
        """Convert an array or a list of pictures to [B, size, size, 3] uint8 RGB."""
        side = (self.size, self.size, 3)
        if not isinstance(crops, np.ndarray) or crops.dtype != np.uint8 or crops.shape[1:] != side:
            single = isinstance(crops, np.ndarray | Tensor) and crops.ndim != 4
            pictures = [] if single else [as_rgb(crop) for crop in crops]
            if {picture.shape for picture in pictures} != {side}:
                found = [list(picture.shape) for picture in pictures] or [list(np.shape(crops))]
                expected = f"expected [B, {self.size}, {self.size}, 3] uint8 RGB"
                raise PictureError(f"crops of shape {' and '.join(map(str, found[:3]))}: {expected}")
            crops = np.stack(pictures)
        return np.ascontiguousarray(crops)
