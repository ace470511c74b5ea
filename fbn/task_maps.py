"""Base classes of records: tensors with a common leading batch shape, by field or by task.

A record by task is indexed by a task, or like a tensor along its batch shape. Indexing by a task with a subset of the
stored labels selects those labels.
"""

from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np
import torch
from torch import Tensor

from fbn.tasks import TASKS, Task

Function = Callable[[Tensor], Tensor]
Index = Tensor | np.ndarray | int | slice | list | tuple | None


class Record:
    """Base class of records of tensors with a common leading batch shape."""

    def map(self, function: Function) -> Self:
        """Apply a function to each tensor."""
        raise NotImplementedError

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast every tensor, with the arguments of ``Tensor.to``."""
        return self.map(lambda tensor: tensor.to(*args, **kwargs))

    def detach(self) -> Self:
        """Detach every tensor from the graph."""
        return self.map(Tensor.detach)

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Join records of equal batch shape along a new first axis."""
        return cls._join(parts, torch.stack)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join batches along their first axis."""
        return cls._join(parts, torch.cat)

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        raise NotImplementedError


@dataclass(frozen=True)
class Fields(Record):
    """A dataclass record whose fields are tensors or records."""

    def map(self, function: Function) -> Self:
        """Apply a function to each tensor."""
        mapped = {f.name: self._mapped(getattr(self, f.name), function) for f in fields(self)}
        return replace(self, **mapped)

    @staticmethod
    def _mapped(part: Any, function: Function) -> Any:
        return part.map(function) if isinstance(part, Record) else function(part)

    def __getitem__(self, index: Index) -> Self:
        """Index the leading batch shape."""
        return self.map(lambda tensor: tensor[index])

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        joined = {}
        for f in fields(cls):
            values = [getattr(part, f.name) for part in parts]
            joined[f.name] = values[0]._join(values, how) if isinstance(values[0], Record) else how(values)
        return cls(**joined)


@dataclass(frozen=True)
class Label(Fields):
    """The labels of one task.

    Attributes:
        value: [..., K]; a distribution (one-hot or votes) for a categorical task, in [0, 1] for a binary one.
        weight: >= 0, 0 = not annotated; [..., K] for a binary task, else [...], one for all labels.
    """

    value: Tensor
    weight: Tensor

    @classmethod
    def blank(cls, task: Task, like: Tensor) -> Self:
        """Return labels without annotations, with the batch shape, type and device of a tensor [...]."""
        value = like.new_zeros(*like.shape, len(task))
        return cls(value, torch.zeros_like(value) if task.kind == "binary" else like.new_zeros(like.shape))


Value = TypeVar("Value", Tensor, Label)
Labels = Mapping[Task, Label]


class TaskMap(Record, Generic[Value]):
    """Maps tasks to values with a common leading batch shape; task names are unique."""

    _values: dict[Task, Value]

    def __init__(self, values: Mapping[Task, Value]) -> None:
        if len({task.name for task in values}) < len(values):
            raise ValueError(f"tasks {', '.join(map(str, values))}: expected one of each name")
        self._values = dict(values)

    @overload
    def __getitem__(self, index: Task) -> Value: ...
    @overload
    def __getitem__(self, index: Index) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        """Return the value of a task, or index the batch like a tensor."""
        if not isinstance(index, Task):
            return self.map(lambda tensor: tensor[index])
        if index in self._values:
            return self._values[index]
        stored = self.stored(index)
        return self._part(stored, index) if stored in self._values and stored.covers(index) else self._absent(index)

    def __contains__(self, task: Task) -> bool:
        return task in self._values or any(stored.covers(task) for stored in self._values)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._values)

    def __or__(self, other: "Self | Mapping[Task, Value]") -> Self:
        """Merge two maps; values of the second replace those of the first."""
        values = dict(other.items())
        names = {task.name for task in values}
        return self._with({task: value for task, value in self.items() if task.name not in names} | values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self._values)) or 'nothing'})"

    def items(self) -> ItemsView[Task, Value]:
        """Return pairs of task and value."""
        return self._values.items()

    def only(self, *tasks: Task) -> Self:
        """Select tasks; missing ones are ignored."""
        return self._with({task: self[task] for task in tasks if task in self})

    def stored(self, task: Task) -> Task:
        """Return the stored task of the same name, with any labels; else the default task of that name, or ``task``."""
        for stored in self._values:
            if stored.name == task.name:
                return stored
        return TASKS.get(task.name, task)

    def _with(self, values: Mapping[Task, Value]) -> Self:
        return type(self)(values)

    def _part(self, stored: Task, part: Task) -> Value:
        """Select the labels of ``part`` from the value of ``stored``, a task with more labels."""
        raise NotImplementedError

    def _absent(self, task: Task) -> Value:
        """Return the value of a task that is not stored."""
        raise NotImplementedError

    @classmethod
    def _tasks_of(cls, parts: Sequence[Self]) -> dict[Task, None]:
        """Return the tasks of all maps, in order of appearance."""
        return dict.fromkeys(task for part in parts for task in part._values)
