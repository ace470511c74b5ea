"""A network that takes no time, and pictures that it can tell apart."""

from pathlib import Path

import cv2
import numpy as np
import torch

from fbn.models import store
from fbn.models.zoo import facebehaviornet
from fbn.resources import data_folder

SMALL = {"widths": (8, 16), "blocks": (1, 1), "dropout": 0.1}
COLOURS = {
    "happily_surprised": (200, 60, 60),
    "sadly_angry": (60, 60, 200),
    "awed": (60, 200, 60),
    "smirk": (160, 160, 40),
    "wink": (40, 160, 160),
}


def save_small(name: str = "small") -> None:
    """A network with random weights among the user's models."""
    torch.manual_seed(0)
    network = facebehaviornet(**SMALL)
    torch.nn.init.normal_(network.heads[0].output.weight, std=0.3)
    store.save(
        data_folder("models") / name,
        network.eval(),
        name=name,
        zoo="facebehaviornet",
        arguments=SMALL,
        terms={"chance": "made by nobody"},
    )


def draw_data(root: Path, **counts: int) -> Path:
    """A folder a class of noise around the class' colour; there are no faces, so use ``crops=True``."""
    for name, count in counts.items():
        colour = COLOURS[name]
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            rng = np.random.default_rng((i, *colour))
            picture = np.clip(rng.normal(colour, 60, (32, 32, 3)), 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(root / name / f"{i:03d}.png"), picture[..., ::-1])
    return root
