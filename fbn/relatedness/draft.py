"""An edited relatedness table: its history, and descriptions of its changes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from fbn.errors import FormatError
from fbn.history import History
from fbn.relatedness.formats import places, title
from fbn.relatedness.notes import Column, Note
from fbn.relatedness.table import Change, RelatednessTable

#: Selected in a table of expressions and AUs when it is opened.
_FIRST_CELL: tuple[str, Column] = ("fear", 5)


@dataclass(frozen=True)
class Edit:
    """A table in the history of a draft.

    Attributes:
        table: after the edit.
        description: description of the edit, for the Undo button.
        cell: (row, column) of the last change.
    """

    table: RelatednessTable
    description: str = ""
    cell: tuple[str, Column] = _FIRST_CELL


@dataclass(frozen=True)
class Draft:
    """A table that one user edits.

    Attributes:
        name: name of the table.
        origin: ``"built in"``, ``"saved"``, ``"imported"`` or ``"inferred"``.
        number: the saved version that was opened; 0 if the table is not a saved one.
        saved: the table as opened or last saved.
        history: history of the edits.
        cell: (row, column) of the selection.
        made_from: name and table that the saved table was derived from: the previous version or the built-in table;
            None if unknown.
        compare_with: the table to compare with, an argument of ``Workshop.table_of``; "" for the ``parent``.
    """

    name: str
    origin: str
    number: int
    saved: RelatednessTable
    history: History[Edit]
    cell: tuple[str, Column]
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
        cell = _FIRST_CELL if table.of_expressions else (table.categories[0], next(iter(places(table.columns))))
        return cls(name, origin, number, table, History(Edit(table, cell=cell)), cell, made_from)

    @property
    def table(self) -> RelatednessTable:
        """The table with all edits."""
        return self.history.now.table

    @property
    def changes(self) -> tuple[Change, ...]:
        """Cells that differ from the table as opened or last saved."""
        return self.saved.diff(self.table)

    @property
    def dirty(self) -> bool:
        """Whether cells or notes have changed since the table was opened or saved."""
        return bool(self.changes) or self.saved.notes != self.table.notes

    @property
    def unsaved(self) -> bool:
        """Whether the table has unsaved changes, or was never saved."""
        return self.dirty or self.origin not in ("saved", "built in")

    @property
    def parent(self) -> tuple[str, RelatednessTable]:
        """Name and table that the edit is based on; saving the edit does not change it."""
        if self.made_from is not None and not self.dirty:
            return self.made_from
        if self.origin == "saved":
            return f"{self.name}@{self.number}", self.saved
        return (self.name if self.origin == "built in" else f"{self.name} as {self.origin}"), self.saved

    def edited(self, table: RelatednessTable, description: str, cell: tuple[str, Column]) -> Self:
        """Return the draft after an edit; the same draft if the table is unchanged."""
        if table == self.table and table.notes == self.table.notes:
            return self
        return replace(self, history=self.history.to(Edit(table, description, cell)), cell=cell)

    def with_weight(self, category: str, number: Column, weight: float) -> Self:
        """Change one cell.

        Raises:
            FormatError: a weight outside [0, 1], or an AU given to neutral.
        """
        table, cell = self.table.edited(category, number, weight), (category, number)
        return self.edited(table, summarise(self.table.diff(table)), cell)

    def with_block(self, texts: Mapping[tuple[str, Column], str]) -> Self:
        """Change several cells in one edit, e.g. pasted from a spreadsheet.

        Args:
            texts: (row, column) -> weight as text; "" for none.

        Raises:
            FormatError: a text that is not a weight in [0, 1], or an AU given to neutral. The message names the cell
                and its current weight.
        """
        table = self.table
        for (category, number), text in texts.items():
            before = weight_of(table, category, number)
            cell = f"{category}, {title(number)} = {text!r}"
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
        return self.edited(table, summarise(changes, 1), (changes[-1].category, changes[-1].action_unit))

    def with_note(self, category: str, number: Column, note: Note) -> Self:
        """Set the note of one cell; an empty note removes it."""
        table = self.table.annotated(category, number, note)
        return self.edited(table, f"note on {category} {title(number)}", (category, number))

    def undo(self) -> Self:
        """Undo the last edit and select its cell."""
        return replace(self, history=self.history.undo(), cell=self.history.now.cell)

    def redo(self) -> Self:
        """Redo the last undone edit and select its cell."""
        history = self.history.redo()
        return replace(self, history=history, cell=history.now.cell)

    def as_saved(self, name: str, number: int) -> Self:
        """Return the draft after saving, with its history and the table that the edit was based on."""
        return replace(self, name=name, origin="saved", number=number, saved=self.table, made_from=self.parent)


def weight_of(table: RelatednessTable, category: str, number: Column) -> float:
    """Return the weight of a cell; 0 for a missing cell or row."""
    return table.row(category).get(number, 0.0) if category in table.categories else 0.0


def format_weight(weight: float | None) -> str:
    """Format a weight: ``1``, ``.55``, or ``none``."""
    if not weight:
        return "none"
    return "1" if weight == 1 else f"{weight:.2f}".removeprefix("0")


def describe_weight(weight: float | None) -> str:
    """Describe a weight in words."""
    if not weight:
        return "no part of it"
    return "prototypical" if weight == 1 else f"observational, {weight:.0%} showed it"


def summarise(changes: Iterable[Change], count: int = 4) -> str:
    """List at most ``count`` changes in one line, e.g. ``fear AU5: 1 → none``."""
    each = [
        f"{c.category} {title(c.action_unit)}: {format_weight(c.before)} → {format_weight(c.after)}" for c in changes
    ]
    more = f" and {len(each) - count} more" if len(each) > count else ""
    return "; ".join(each[:count]) + more


def describe_changes(changes: Collection[Change]) -> str:
    """Describe the number of differing cells in a sentence."""
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
    """Apply the changes from ``base`` to ``mine`` to ``theirs``, a newer version of ``base``.

    Returns:
        The table, and the changes of ``theirs`` that were replaced: cells that both changed to different weights.
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
