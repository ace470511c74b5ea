"""A network: a body (backbone) and a list of heads.

Each head gets the features and the predictions of the previous heads.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses
from fbn.models.bodies import Body
from fbn.models.heads import Head, HeadFactory
from fbn.models.heads.compound import CompoundHead
from fbn.models.spec import InputSpec
from fbn.records import Predictions
from fbn.tasks import Task


class FaceNetwork(nn.Module):
    """Maps pictures to ``Predictions`` of the tasks of every head.

    Args:
        body: the backbone, which maps pictures to features.
        heads: constructors, called with the number of features; in the order of evaluation.

    Attributes:
        spec: format of the input.
        body, heads: the modules.
    """

    def __init__(self, body: Body, *heads: HeadFactory) -> None:
        super().__init__()
        self.spec = replace(InputSpec(), size=body.size)
        self.body = body
        self.heads = nn.ModuleList(head(body.channels) for head in heads)
        body.initialise()
        for head in self.heads:
            head.initialise()  # type: ignore[operator]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks in the order of the outputs."""
        return tuple(task for head in self.heads for task in head.tasks)  # type: ignore[union-attr]

    @property
    def compound(self) -> CompoundHead | None:
        """The head for compound expressions; None without one."""
        return next((head for head in self.heads if isinstance(head, CompoundHead)), None)

    @property
    def classes(self) -> CompoundClasses | None:
        """The compound expressions that the network predicts; None without a head for them."""
        return self.compound.classes if self.compound else None

    @property
    def temperature(self) -> float:
        """Divisor of the scores of compound expressions; the default without a head for them."""
        return self.compound.temperature if self.compound else DEFAULT_TEMPERATURE

    def head(self, task: Task) -> Head:
        """Return the head that predicts a task. Raises KeyError if there is none."""
        for head in self.heads:
            if isinstance(head, Head) and task in head.tasks:
                return head
        raise KeyError(task.name)

    def features(self, images: Tensor) -> Tensor:
        """Compute the [..., F] features of [..., 3, H, W] images in the range of ``spec``, each by itself."""
        if images.ndim == 4:
            return self.body(images)
        return self.body(images.flatten(0, -4)).unflatten(0, images.shape[:-3])

    def apply_heads(self, features: Tensor) -> Predictions:
        """Compute predictions of batch shape [...] from [..., F] features."""
        predictions = Predictions()
        for head in self.heads:
            predictions = predictions | head(features, predictions)
        return predictions

    def forward(self, images: Tensor) -> Predictions:
        """Compute predictions of batch shape [...] for [..., 3, H, W] images in the range of ``spec``."""
        return self.apply_heads(self.features(images))

    def compiled(self) -> Callable[[Tensor], Predictions]:
        """Return ``forward`` with the body compiled by ``torch.compile`` at the first call.

        It is a function, not a module, so the names of the weights do not change.
        """
        features = torch.compile(self.features)
        return lambda images: self.apply_heads(features(images))
