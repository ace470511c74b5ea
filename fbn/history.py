"""Undo and redo for any frozen value."""

from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

Value = TypeVar("Value")
_MAX_STEPS = 200


@dataclass(frozen=True)
class History(Generic[Value]):
    """The current value, the values before it (oldest first) and the undone values (next redo first)."""

    now: Value
    past: tuple[Value, ...] = ()
    future: tuple[Value, ...] = ()

    def to(self, value: Value) -> Self:
        """Add a step and drop the undone values; an unchanged value adds no step."""
        if value == self.now:
            return self
        return replace(self, now=value, past=(*self.past, self.now)[-_MAX_STEPS:], future=())

    def undo(self) -> Self:
        """Undo one step, if there is one."""
        if not self.past:
            return self
        return replace(self, now=self.past[-1], past=self.past[:-1], future=(self.now, *self.future))

    def redo(self) -> Self:
        """Redo one step, if there is one."""
        if not self.future:
            return self
        return replace(self, now=self.future[0], past=(*self.past, self.now), future=self.future[1:])
