"""Class activation maps of a network's outputs, and their overlay on the crop."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from fbn.faces.arrays import as_rgb
from fbn.models.network import FaceNetwork
from fbn.records import Predictions
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX

#: Selects one output: predictions of batch shape [B] -> [B].
Output = Callable[[Predictions], Tensor]
#: Okabe & Ito's orange, RGB, which is distinguishable with every common colour blindness.
_GLOW = np.array((255, 176, 32), np.float32)
_BATCH = 32


def output(name: str, compounds: tuple[str, ...] = ()) -> Output:
    """Return the function that selects an output by name, before softmax or sigmoid.

    Args:
        name: an expression, ``"AU12"``, ``"valence"``, ``"arousal"``, or one of ``compounds``.
        compounds: classes of the network's ``compound_logits``, in order; they take precedence over expressions.

    Raises:
        ValueError: no such output.
    """
    if name in compounds:
        return lambda predictions: _head(predictions.compound_logits, name)[..., compounds.index(name)]
    if name in EXPRESSION_INDEX:
        return lambda predictions: _head(predictions.expression_logits, name)[..., EXPRESSION_INDEX[name]]
    if name in (axes := ("valence", "arousal")):
        return lambda predictions: _head(predictions.valence_arousal, name)[..., axes.index(name)]
    if name[:2] == "AU" and name[2:].isdecimal() and int(name[2:]) in AU_INDEX:
        return lambda predictions: _head(predictions.action_unit_logits, name)[..., AU_INDEX[int(name[2:])]]
    raise ValueError(f"no output {name!r}: expected an expression, an AU, valence, arousal or one of {compounds}")


def activation_maps(network: FaceNetwork, crops: np.ndarray, wanted: Output) -> np.ndarray:
    """Compute class activation maps (Zhou et al. 2016; gradient weights as in Selvaraju et al. 2017).

    The body ends in global average pooling, so the gradient weight of a channel is the same at every position, and the
    map of a linear output sums to that output minus its bias. Negative contributions are set to 0.

    Args:
        network: a torch network in evaluation mode.
        crops: [B, size, size, 3] uint8 RGB, aligned.
        wanted: the output; ``output`` makes one from a name.

    Returns:
        [B, size, size] float32 in [0, 1], scaled by the largest absolute value; interpolated from the body's last
        layer, which has a cell per 28 pixels or so.
    """
    raw = [raw_maps(network, crops[i : i + _BATCH], wanted) for i in range(0, len(crops), _BATCH)]
    size = network.spec.size
    found = np.zeros((len(crops), size, size), np.float32)
    for i, small in enumerate(np.concatenate(raw) if raw else []):
        if strongest := np.abs(small).max():
            # clip before resizing: cubic interpolation overshoots 0 beside strongly negative cells
            smooth = cv2.resize(np.maximum(small, 0), (size, size), interpolation=cv2.INTER_CUBIC)
            found[i] = (smooth / strongest).clip(0, 1)
    return found


def raw_maps(network: FaceNetwork, crops: np.ndarray, wanted: Output) -> np.ndarray:
    """Compute [B, h, w] signed float32 maps at the resolution of the body's last layer; see ``activation_maps``."""
    features: list[Tensor] = []

    def keep(module: object, given: object, maps: Tensor) -> Tensor:
        features.append(maps.detach().requires_grad_())
        return features[0]

    handle = network.body.stages.register_forward_hook(keep)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            value = wanted(network(network.spec.prepare(crops)))
            (slope,) = torch.autograd.grad(value.sum(), features[0])
    finally:
        handle.remove()
    return (slope * features[0]).sum(1).detach().numpy().astype(np.float32)


def over(crop: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """Draw a map over its crop: dark and grey at 0, bright and orange at 1, with a contour line at 0.5.

    Brightness alone carries the values, so the picture is readable in greyscale.

    Args:
        crop: [H, W, 3] uint8 RGB, or another picture that ``as_rgb`` accepts; not modified.
        activation: [H, W] in [0, 1].

    Returns:
        [H, W, 3] uint8 RGB.
    """
    grey = cv2.cvtColor(as_rgb(crop), cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    shine = activation.astype(np.float32)[..., None]
    warm = (90 + 0.85 * grey) / 255 * _GLOW
    lit = np.clip(np.round(grey * 0.6 * (1 - shine) + warm * shine), 0, 255).astype(np.uint8)
    edges, _ = cv2.findContours((activation >= 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(lit, edges, -1, (255, 255, 255), 1, cv2.LINE_AA)


def _head(values: Tensor | None, name: str) -> Tensor:
    if values is None:
        raise ValueError(f"this network does not read {name}")
    return values
