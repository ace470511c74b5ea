"""A network: a body and a list of heads; each head sees the features and what the heads before it said."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses
from fbn.models.bodies import Body
from fbn.models.heads import Head, MakeHead
from fbn.models.heads.compound import ZeroShot
from fbn.models.spec import InputSpec
from fbn.records import Predictions
from fbn.tasks import Task


class FaceNetwork(nn.Module):
    """Pictures -> ``Predictions`` of every head's tasks.

    Args:
        body: pictures -> features.
        heads: constructors, called with the number of features; in the order in which they are read.

    Attributes:
        spec: the input it expects.
        body, heads: its parts.
    """

    def __init__(self, body: Body, *heads: MakeHead) -> None:
        super().__init__()
        self.spec = replace(InputSpec(), size=body.size)
        self.body = body
        self.heads = nn.ModuleList(head(body.channels) for head in heads)
        body.initialise()
        for head in self.heads:
            head.initialise()  # type: ignore[operator]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Its tasks in the order of its outputs."""
        return tuple(task for head in self.heads for task in head.tasks)  # type: ignore[union-attr]

    @property
    def compound(self) -> ZeroShot | None:
        """The head for compound expressions; None without one."""
        return next((head for head in self.heads if isinstance(head, ZeroShot)), None)

    @property
    def classes(self) -> CompoundClasses | None:
        """The compound expressions it has logits for; None without such a head."""
        return self.compound.classes if self.compound else None

    @property
    def temperature(self) -> float:
        """What scores of compound expressions are divided by."""
        return self.compound.temperature if self.compound else DEFAULT_TEMPERATURE

    def head(self, task: Task) -> Head:
        """The head that gives a task. Raises KeyError where there is none."""
        for head in self.heads:
            if isinstance(head, Head) and task in head.tasks:
                return head
        raise KeyError(task.name)

    def features(self, images: Tensor) -> Tensor:
        """[..., 3, H, W] in the declared range -> [..., F]; a clip's pictures are read one by one."""
        if images.ndim == 4:
            return self.body(images)
        return self.body(images.flatten(0, -4)).unflatten(0, images.shape[:-3])

    def read(self, features: Tensor) -> Predictions:
        """[..., F], what ``features`` gave -> predictions of batch shape [...]."""
        said = Predictions()
        for head in self.heads:
            said = said | head(features, said)
        return said

    def forward(self, images: Tensor) -> Predictions:
        """[..., 3, H, W] in the declared range -> predictions of batch shape [...]."""
        return self.read(self.features(images))

    def compiled(self) -> Callable[[Tensor], Predictions]:
        """``forward`` with the body fused by ``torch.compile``, which is done at the first call.

        A function, not a module: the weights keep their names.
        """
        features = torch.compile(self.features)
        return lambda images: self.read(features(images))
