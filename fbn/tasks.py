"""Prediction tasks: a name, a kind, and labels in the order of the last axis of the task's tensors.

``Annotations`` and ``Predictions`` map tasks to tensors; a relatedness table couples a categorical and a binary task.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from torch import Tensor

from fbn import vocabulary

Kind = Literal["categorical", "binary", "continuous"]


@dataclass(frozen=True)
class Task:
    """A prediction task.

    Attributes:
        name: name of the task; subsets and extensions of a task have the same name.
        kind: ``"categorical"``: exactly one label is true (softmax). ``"binary"``: each label is true or false
            (sigmoid). ``"continuous"``: each label has a value.
        labels: K names, in the order of the last axis.

    Example:
        >>> import fbn
        >>> import torch
        >>> from fbn.tasks import EXPRESSION
        >>> eight = EXPRESSION.plus("other")
        >>> predictions = fbn.Predictions({eight: torch.zeros(3, 8)})
        >>> predictions[eight].shape, predictions[EXPRESSION].shape
        (torch.Size([3, 8]), torch.Size([3, 7]))
        >>> gaze = fbn.Task("gaze", "continuous", ("yaw", "pitch"))
        >>> gaze in predictions
        False
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"task {self.name}: expected at least one label, and each once")

    # tasks are dictionary keys in every step, and hashing the thousands of labels of an identity task would be slow
    def __hash__(self) -> int:
        return hash((self.name, self.kind, len(self.labels)))

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """The display name."""
        return self.name.replace("_", " ")

    def only(self, *labels: str) -> Self:
        """Return the task with some of its labels, in the given order.

        Raises:
            ValueError: an unknown label.
        """
        known = set(self.labels)
        if unknown := [label for label in labels if label not in known]:
            raise ValueError(f"{self.title} has no label {unknown[0]!r}: expected some of {', '.join(self.labels)}")
        return replace(self, labels=labels)

    def plus(self, *labels: str) -> Self:
        """Return the task with additional labels at the end."""
        return replace(self, labels=(*self.labels, *labels))

    def columns(self, part: "Task") -> list[int]:
        """Return the indices of the labels of ``part`` in this task.

        Raises:
            ValueError: ``part`` is not a subset of this task.
        """
        if not self.covers(part):
            raise ValueError(f"{part.title}: {', '.join(part.labels)} are not all among {', '.join(self.labels)}")
        place = {label: i for i, label in enumerate(self.labels)}
        return [place[label] for label in part.labels]

    def covers(self, part: "Task") -> bool:
        """Whether ``part`` has the same name and a subset of the labels."""
        return self == part or (self.name == part.name and set(part.labels) <= set(self.labels))

    def probability(self, raw: Tensor) -> Tensor:
        """Convert outputs of a head [..., K] to softmax or sigmoid probabilities; values are returned unchanged."""
        if self.kind == "categorical":
            return raw.softmax(-1)
        return raw.sigmoid() if self.kind == "binary" else raw


EXPRESSION = Task("expression", "categorical", tuple(e.value for e in vocabulary.EXPRESSIONS))
ACTION_UNITS = Task("action_units", "binary", tuple(unit.short for unit in vocabulary.ACTION_UNITS))
VALENCE_AROUSAL = Task("valence_arousal", "continuous", ("valence", "arousal"))
COMPOUND = Task("compound", "categorical", tuple(vocabulary.COMPOUND_EXPRESSIONS))
#: CelebA's 40 attributes.
ATTRIBUTES = Task("attributes", "binary", vocabulary.ATTRIBUTES)

#: The three tasks of papers A and C.
AFFECT_TASKS: tuple[Task, ...] = (EXPRESSION, ACTION_UNITS, VALENCE_AROUSAL)
#: Tasks that files may specify by name only.
TASKS: dict[str, Task] = {task.name: task for task in (*AFFECT_TASKS, COMPOUND, ATTRIBUTES)}


#: Name of the tasks that ``identity`` returns.
IDENTITY = "identity"


def identity(names: Iterable[str]) -> Task:
    """Return the task of predicting the identity among the people of a data set."""
    return Task(IDENTITY, "categorical", tuple(names))


def named(task: "str | Task | dict[str, Any]") -> Task:
    """Return a task from its name in ``TASKS``, or from a mapping of its three fields.

    Raises:
        ValueError: an unknown name, or invalid fields.
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, dict):
        try:
            return Task(str(task["name"]), task["kind"], tuple(str(label) for label in task["labels"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"task {task}: expected name, kind and labels") from error
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}: expected one of {', '.join(TASKS)}")
    return TASKS[task]


def serialise(task: Task) -> str | dict[str, Any]:
    """Invert ``named``: return the name if the task is in ``TASKS``, else the three fields."""
    if TASKS.get(task.name) == task:
        return task.name
    return {"name": task.name, "kind": task.kind, "labels": list(task.labels)}


#: A task as a field of a pydantic model, in the format of ``serialise``.
TaskField = Annotated[
    Task, BeforeValidator(named), PlainSerializer(serialise), WithJsonSchema({"type": ["string", "object"]})
]
