"""What the Relatedness page knows, without Streamlit: a table being edited, and words for what changes."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Self

from fbn.history import History
from fbn.relatedness import Change, RelatednessTable
from fbn.synthetic.activity import typical
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, ActionUnit

_FIRST_CELL = ("fear", 5)


@dataclass(frozen=True)
class Step:
    """A table in the history of an edit.

    Attributes:
        table: as it stands.
        words: what this step did, for the Undo button.
        cell: (category, AU number) that the step touched last.
    """

    table: RelatednessTable
    words: str = ""
    cell: tuple[str, int] = _FIRST_CELL


@dataclass(frozen=True)
class Draft:
    """A table that one viewer edits.

    Attributes:
        name: of the built-in or saved table it came from; of an imported or inferred one, what to call it.
        origin: ``"built in"``, ``"saved"``, ``"imported"`` or ``"inferred"``.
        number: the saved version that the edit began from; 0 where there is none.
        saved: the table as it was opened or last saved.
        history: of the edit.
        cell: (category, AU number) that is selected.
        grid: the table that the spreadsheet began from. It keeps its own edits on top, so it is fed anew only
            where a change came from elsewhere.
        turn: grows whenever the spreadsheet is fed anew.
        before: what the saved table was made from, with its name: the version before, the built-in table; None where
            that is not known.
        against: a table to compare with, as ``relatedness_versions.table_of`` knows it; "" for the ``parent``.
    """

    name: str
    origin: str
    number: int
    saved: RelatednessTable
    history: History[Step]
    cell: tuple[str, int]
    grid: RelatednessTable
    turn: int = 0
    before: tuple[str, RelatednessTable] | None = None
    against: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        table: RelatednessTable,
        origin: str,
        number: int = 0,
        before: tuple[str, RelatednessTable] | None = None,
    ) -> Self:
        """A draft that nothing was done to."""
        return cls(name, origin, number, table, History(Step(table)), _FIRST_CELL, table, before=before)

    @property
    def table(self) -> RelatednessTable:
        """As it stands."""
        return self.history.now.table

    @property
    def changes(self) -> tuple[Change, ...]:
        """Cells that differ from what was opened or saved last."""
        return self.saved.diff(self.table)

    @property
    def dirty(self) -> bool:
        """Something is there to be saved: cells, or notes."""
        return bool(self.changes) or self.saved.notes != self.table.notes

    @property
    def unsaved(self) -> bool:
        """It would be lost with this session: it has changes, or was never saved."""
        return self.dirty or self.origin not in ("saved", "built in")

    @property
    def parent(self) -> tuple[str, RelatednessTable]:
        """What the edit began from, with its name: saving the edit does not change it."""
        if self.before is None or self.dirty:
            return self._saved_name, self.saved
        return self.before

    @property
    def _saved_name(self) -> str:
        if self.origin == "saved":
            return f"{self.name}@{self.number}"
        return self.name if self.origin == "built in" else f"{self.name} as {self.origin}"

    def to(self, table: RelatednessTable, words: str, cell: tuple[str, int], typed: bool = False) -> Self:
        """One step on; none where nothing changes. ``typed``: into the spreadsheet, which shows it already."""
        if table == self.table and table.notes == self.table.notes:
            return self
        stepped = replace(self, history=self.history.to(Step(table, words, cell)), cell=cell)
        return stepped if typed else stepped.fed()

    def with_weight(self, category: str, number: int, weight: float) -> Self:
        """One cell changed, the rest as it was.

        Raises:
            FormatError: a weight outside [0, 1], or an AU given to neutral.
        """
        words = f"{category} AU{number}: {brief(weight_of(self.table, category, number))} → {brief(weight)}"
        return self.to(self.table.edited(category, number, weight), words, (category, number))

    def undo(self) -> Self:
        """One step back; the cell it touched is selected."""
        return replace(self, history=self.history.undo(), cell=self.history.now.cell).fed()

    def redo(self) -> Self:
        """Take one undo back; the cell it touched is selected."""
        history = self.history.redo()
        return replace(self, history=history, cell=history.now.cell).fed()

    def kept(self, name: str, number: int) -> Self:
        """What it is after it was saved; the history stays, and what the edit began from."""
        return replace(self, name=name, origin="saved", number=number, saved=self.table, before=self.parent)

    def fed(self) -> Self:
        """The spreadsheet begins anew from the table as it stands."""
        return replace(self, grid=self.table, turn=self.turn + 1)


def weight_of(table: RelatednessTable, category: str, number: int) -> float:
    """A cell's weight; 0 where the table has no such cell or row."""
    return table.row(category).get(number, 0.0) if category in table.categories else 0.0


def brief(weight: float | None) -> str:
    """A weight in a cell: ``1``, ``.55``, or ``none``."""
    if not weight:
        return "none"
    return "1" if weight == 1 else f"{weight:.2f}".removeprefix("0")


def spoken(weight: float | None) -> str:
    """A weight in words."""
    if not weight:
        return "no part of it"
    return "prototypical" if weight == 1 else f"observational, {weight:.0%} showed it"


def changed(change: Change) -> str:
    """One change in words, e.g. ``fear AU5: 1 → none``."""
    return f"{change.category} AU{change.action_unit}: {brief(change.before)} → {brief(change.after)}"


def summary(changes: Iterable[Change], most: int = 4) -> str:
    """Changes in a line, for a version's note."""
    words = [changed(change) for change in changes]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more


def counted(changes: Iterable[Change]) -> dict[str, int]:
    """How many cells were added, removed and changed."""
    found = {"added": 0, "removed": 0, "changed": 0}
    for change in changes:
        found["added" if change.before is None else "removed" if change.after is None else "changed"] += 1
    return found


def told(changes: Collection[Change]) -> str:
    """How many cells differ, as a sentence."""
    if not changes:
        return "The two are equal in every cell."
    counts = ", ".join(f"{count} {what}" for what, count in counted(changes).items() if count)
    return f"**{len(changes)} {'cell differs' if len(changes) == 1 else 'cells differ'}**: {counts}."


def plain(text: str) -> str:
    """Somebody's text for a place that reads Markdown, which it must not be taken for."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~:$-])", r"\\\1", text)


def sharing(table: RelatednessTable, number: int) -> tuple[tuple[str, float], ...]:
    """Categories that have the AU, the strongest first."""
    found = [(category, table.row(category).get(number, 0.0)) for category in table.categories]
    return tuple(sorted((pair for pair in found if pair[1]), key=lambda pair: -pair[1]))


def drawn(table: RelatednessTable, category: str) -> tuple[ActionUnit, ...]:
    """AUs of a row's typical face."""
    row = table.row(category) if category in table.categories else {}
    return tuple(ACTION_UNIT_BY_NUMBER[number] for number in typical(row))


def undrawn(table: RelatednessTable, category: str) -> tuple[str, ...]:
    """AUs of a row that its typical face leaves out: weaker than a half, or none of the face's 17."""
    row = table.row(category) if category in table.categories else {}
    return tuple(f"AU{n} {brief(w)}" for n, w in row.items() if n not in typical(row))


def rebased(
    theirs: RelatednessTable, base: RelatednessTable, mine: RelatednessTable
) -> tuple[RelatednessTable, tuple[Change, ...]]:
    """My changes to ``base`` made again on their newer table.

    Returns:
        The table, and what of theirs mine replaced: cells that both changed, to different weights.
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
