"""Heads: map features, and the predictions of previous heads, to predictions of some tasks.

To add a head, write a subclass of ``Head`` in this folder and a network that uses it in ``fbn.models.zoo``.
"""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn

from fbn.records import Predictions
from fbn.tasks import Task


class Head(nn.Module):
    """Base class of heads; ``tasks`` are in the order of the outputs."""

    tasks: tuple[Task, ...]

    def initialise(self) -> None:
        """Initialise the weights; called once, after those of the body."""

    def forward(self, features: Tensor, predictions: Predictions) -> Predictions:
        """Predict this head's tasks from [B, F] features and the predictions of the previous heads."""
        raise NotImplementedError


#: Constructs a head from the number of features.
HeadFactory: TypeAlias = Callable[[int], Head]
