"""Heads: features, and what the heads before said -> predictions of some tasks.

To add one: a subclass of ``Head`` in a file here, and a network with it in ``fbn.models.zoo``.
"""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn

from fbn.records import Predictions
from fbn.tasks import Task


class Head(nn.Module):
    """What heads have in common: the tasks they give, in the order of their outputs."""

    tasks: tuple[Task, ...]

    def initialise(self) -> None:
        """Fresh weights; called once, after the body's."""

    def forward(self, features: Tensor, said: Predictions) -> Predictions:
        """[B, F] features and the predictions of the heads before -> predictions of this head's tasks."""
        raise NotImplementedError


#: Makes a head, given the number of features.
MakeHead: TypeAlias = Callable[[int], Head]
