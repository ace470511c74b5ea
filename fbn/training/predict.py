"""A network's predictions for many crops, computed batch by batch."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from fbn.data.augment import resize_crops
from fbn.data.crops import Crops
from fbn.models.network import FaceNetwork
from fbn.models.onnx import OnnxNetwork
from fbn.records import Predictions

#: Crops in a batch.
BATCH = 64


def predict(network: FaceNetwork, crops: Crops, side: int | None = None) -> Predictions:
    """Return a network's predictions of crops, on the CPU in float32.

    Args:
        network: in evaluation mode; it stays on its device.
        crops: [N, 144, 144, 3] uint8 RGB, with a margin.
        side: input resolution in pixels; None: the network's default.

    Returns:
        Predictions of batch shape [N].
    """
    with torch.inference_mode():
        parts = [network(images).to("cpu", torch.float32) for images in batches(network, crops, side)]
    return Predictions.concatenate(parts)


def batches(network: FaceNetwork | OnnxNetwork, crops: Crops, side: int | None = None) -> Iterator[Tensor]:
    """Yield the network's inputs, [B, 3, side, side] on its device; arguments as ``predict``."""
    spec = replace(network.spec, size=side or network.spec.size)
    device = next(network.parameters()).device if isinstance(network, FaceNetwork) else "cpu"
    for start in range(0, len(crops), BATCH):
        yield spec.prepare(resize_crops(np.asarray(crops[start : start + BATCH]), spec.size)).to(device)
