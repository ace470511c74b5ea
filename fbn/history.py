"""Undo and redo for any frozen value."""

from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

Value = TypeVar("Value")
_MOST_STEPS = 200


@dataclass(frozen=True)
class History(Generic[Value]):
    """A value, the values before it and those that undo took back; each oldest first."""

    now: Value
    past: tuple[Value, ...] = ()
    future: tuple[Value, ...] = ()

    def to(self, value: Value) -> Self:
        """One step on; what was undone is gone. No step where nothing changes."""
        if value == self.now:
            return self
        return replace(self, now=value, past=(*self.past, self.now)[-_MOST_STEPS:], future=())

    def undo(self) -> Self:
        """One step back, if there is one."""
        if not self.past:
            return self
        return replace(self, now=self.past[-1], past=self.past[:-1], future=(self.now, *self.future))

    def redo(self) -> Self:
        """Take one undo back, if there is one."""
        if not self.future:
            return self
        return replace(self, now=self.future[0], past=(*self.past, self.now), future=self.future[1:])
