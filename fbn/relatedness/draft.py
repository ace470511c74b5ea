"""A relatedness table that is being edited: its history, and its changes in words."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from fbn.errors import FormatError
from fbn.history import History
from fbn.relatedness.notes import Note
from fbn.relatedness.table import Change, RelatednessTable

_FIRST_CELL = ("fear", 5)


@dataclass(frozen=True)
class Edit:
    """A table in the history of a draft.

    Attributes:
        table: after the edit.
        description: what the edit did, for the Undo button.
        cell: (category, AU number) that it changed last.
    """

    table: RelatednessTable
    description: str = ""
    cell: tuple[str, int] = _FIRST_CELL


@dataclass(frozen=True)
class Draft:
    """A table that one user edits.

    Attributes:
        name: of the built-in or saved table it came from; of an imported or inferred one, what to call it.
        origin: ``"built in"``, ``"saved"``, ``"imported"`` or ``"inferred"``.
        number: the saved version that the edit began from; 0 where there is none.
        saved: the table as it was opened or last saved.
        history: of the edits.
        cell: (category, AU number) that is selected.
        made_from: what the saved table was made from, with its name: the version before, or the built-in table; None
            where that is not known.
        compare_with: a table to compare with, as ``Workshop.table_of`` takes it; "" for the ``parent``.
    """

    name: str
    origin: str
    number: int
    saved: RelatednessTable
    history: History[Edit]
    cell: tuple[str, int]
    made_from: tuple[str, RelatednessTable] | None = None
    compare_with: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        table: RelatednessTable,
        origin: str,
        number: int = 0,
        made_from: tuple[str, RelatednessTable] | None = None,
    ) -> Self:
        """A draft without edits."""
        return cls(name, origin, number, table, History(Edit(table)), _FIRST_CELL, made_from)

    @property
    def table(self) -> RelatednessTable:
        """With all edits."""
        return self.history.now.table

    @property
    def changes(self) -> tuple[Change, ...]:
        """Cells that differ from what was opened or saved last."""
        return self.saved.diff(self.table)

    @property
    def dirty(self) -> bool:
        """Whether cells or notes were changed since the table was opened or saved."""
        return bool(self.changes) or self.saved.notes != self.table.notes

    @property
    def unsaved(self) -> bool:
        """Whether it would be lost with this session: it has changes, or was never saved."""
        return self.dirty or self.origin not in ("saved", "built in")

    @property
    def parent(self) -> tuple[str, RelatednessTable]:
        """What the edit began from, with its name: saving the edit does not change it."""
        if self.made_from is not None and not self.dirty:
            return self.made_from
        if self.origin == "saved":
            return f"{self.name}@{self.number}", self.saved
        return (self.name if self.origin == "built in" else f"{self.name} as {self.origin}"), self.saved

    def edited(self, table: RelatednessTable, description: str, cell: tuple[str, int]) -> Self:
        """The draft after one more edit; unchanged where the table is."""
        if table == self.table and table.notes == self.table.notes:
            return self
        return replace(self, history=self.history.to(Edit(table, description, cell)), cell=cell)

    def with_weight(self, category: str, number: int, weight: float) -> Self:
        """One cell changed.

        Raises:
            FormatError: a weight outside [0, 1], or an AU given to neutral.
        """
        table, cell = self.table.edited(category, number, weight), (category, number)
        return self.edited(table, summarise(self.table.diff(table)), cell)

    def with_block(self, texts: Mapping[tuple[str, int], str]) -> Self:
        """Many cells changed in one edit, as pasted from a spreadsheet.

        Args:
            texts: (category, AU number) -> weight as typed; "" for none.

        Raises:
            FormatError: something that is not a weight in [0, 1], or an AU given to neutral. The message names the
                cell and the weight that it keeps.
        """
        table = self.table
        for (category, number), text in texts.items():
            before = weight_of(table, category, number)
            cell = f"{category}, AU{number} = {text!r}"
            try:
                weight = float(text.strip().replace(",", ".") or 0)
            except ValueError:
                weight = -1.0
            if not 0 <= weight <= 1:
                raise FormatError(f"{cell}: expected a weight from 0 to 1; it stays {format_weight(before)}")
            if weight != before:
                table = table.edited(category, number, weight)
        changes = self.table.diff(table)
        if not changes:
            return self
        return self.edited(table, summarise(changes, 1), (changes[-1].category, int(changes[-1].action_unit)))

    def with_note(self, category: str, number: int, note: Note) -> Self:
        """A note on one cell, or none where it is empty."""
        table = self.table.annotated(category, number, note)
        return self.edited(table, f"note on {category} AU{number}", (category, number))

    def undo(self) -> Self:
        """One edit back; its cell is selected."""
        return replace(self, history=self.history.undo(), cell=self.history.now.cell)

    def redo(self) -> Self:
        """Takes one undo back; the edit's cell is selected."""
        history = self.history.redo()
        return replace(self, history=history, cell=history.now.cell)

    def as_saved(self, name: str, number: int) -> Self:
        """After saving; the history stays, and what the edit began from."""
        return replace(self, name=name, origin="saved", number=number, saved=self.table, made_from=self.parent)


def weight_of(table: RelatednessTable, category: str, number: int) -> float:
    """A cell's weight; 0 where the table has no such cell or row."""
    return table.row(category).get(number, 0.0) if category in table.categories else 0.0


def format_weight(weight: float | None) -> str:
    """A weight in a cell: ``1``, ``.55``, or ``none``."""
    if not weight:
        return "none"
    return "1" if weight == 1 else f"{weight:.2f}".removeprefix("0")


def describe_weight(weight: float | None) -> str:
    """A weight in words."""
    if not weight:
        return "no part of it"
    return "prototypical" if weight == 1 else f"observational, {weight:.0%} showed it"


def summarise(changes: Iterable[Change], most: int = 4) -> str:
    """Changes in a line, e.g. ``fear AU5: 1 → none``; at most so many of them."""
    each = [f"{c.category} AU{c.action_unit}: {format_weight(c.before)} → {format_weight(c.after)}" for c in changes]
    more = f" and {len(each) - most} more" if len(each) > most else ""
    return "; ".join(each[:most]) + more


def describe_changes(changes: Collection[Change]) -> str:
    """How many cells differ, as a sentence."""
    if not changes:
        return "The two are equal in every cell."
    counts = {"added": 0, "removed": 0, "changed": 0}
    for change in changes:
        counts["added" if change.before is None else "removed" if change.after is None else "changed"] += 1
    listed = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"**{len(changes)} {'cell differs' if len(changes) == 1 else 'cells differ'}**: {listed}."


def rebase(
    theirs: RelatednessTable, base: RelatednessTable, mine: RelatednessTable
) -> tuple[RelatednessTable, tuple[Change, ...]]:
    """My changes to ``base`` made again on their newer table.

    Returns:
        The table, and the changes of theirs that mine replaced: cells that both changed, to different weights.
    """
    changed_by_them = {(c.category, c.action_unit): c for c in base.diff(theirs)}
    table, replaced = theirs, []
    for change in base.diff(mine):
        other = changed_by_them.get((change.category, change.action_unit))
        if other is not None and other.after != change.after:
            replaced.append(Change(change.category, change.action_unit, other.after, change.after))
        table = table.edited(change.category, change.action_unit, change.after)
    before, after = dict(base.notes), dict(mine.notes)
    for cell in before.keys() | after.keys():
        if before.get(cell) != after.get(cell) and cell[0] in table.categories:
            table = table.annotated(*cell, after.get(cell))
    return table, tuple(replaced)
