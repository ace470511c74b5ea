"""Linear prediction of tasks from shared features (paper A, section 3.1.1)."""

from collections.abc import Iterable

from torch import Tensor, nn

from fbn.models.heads import Head
from fbn.records import Predictions
from fbn.tasks import Task


class Linear(Head):
    """One linear layer for all tasks.

    Args:
        features: number of features.
        tasks: in the order of the layer's outputs.
        dropout: probability before the layer.
    """

    def __init__(self, features: int, tasks: Iterable[Task], dropout: float = 0.0) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(features, sum(map(len, self.tasks)))

    def initialise(self) -> None:
        """Initialise with small weights, so that initial predictions are nearly uniform."""
        nn.init.normal_(self.output.weight, std=0.01)
        nn.init.zeros_(self.output.bias)

    def forward(self, features: Tensor, predictions: Predictions) -> Predictions:
        """Compute [B, K] outputs of each task from [B, F] features."""
        raw = self.output(self.dropout(features))
        return Predictions(dict(zip(self.tasks, raw.split([len(task) for task in self.tasks], -1), strict=True)))

    def columns(self, task: Task) -> slice:
        """Return the slice of the layer's outputs that belongs to a task. Raises KeyError for another task."""
        start = 0
        for each in self.tasks:
            if each == task:
                return slice(start, start + len(each))
            start += len(each)
        raise KeyError(task.name)
