"""Tables, differences and counts laid out as rows, columns and cells, for the heatmap and the spreadsheet."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fbn.errors import FormatError
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.relatedness.evidence import Agreement, CellVerdict, Evidence, Finding, Relation
from fbn.relatedness.formats import CATEGORIES
from fbn.ui.relatedness.draft import brief, spoken, weight_of
from fbn.ui.studio.html import described
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, EXPRESSIONS, ActionUnit, Expression

#: The columns: every AU a table may hold, in FACS order.
UNITS: tuple[ActionUnit, ...] = tuple(ACTION_UNIT_BY_NUMBER.values())
#: AUs of the brows and eyes, FACS' upper face; a line stands after the last.
_LAST_UPPER = 7
_SIGNS = {"plus": "+", "minus": "−", "up": "↑", "down": "↓"}
_RELATIONS: dict[Relation, tuple[str, str]] = {
    Relation.BOTH: ("=", "both"),
    Relation.APART: ("≠", "apart"),
    Relation.FIRST: ("◧", "first"),
    Relation.SECOND: ("◨", "second"),
    Relation.UNSEEN: ("?", "thin"),
}


def shown(compounds: bool) -> tuple[str, ...]:
    """The rows: seven expressions, and the compounds."""
    return CATEGORIES if compounds else CATEGORIES[: len(EXPRESSIONS)]


def sheet(
    table: RelatednessTable, base: tuple[str, RelatednessTable], cell: tuple[str, int], compounds: bool = True
) -> dict[str, Any]:
    """What the heatmap draws, as plain data; ``base``, with its name, says which cells differ."""
    categories = shown(compounds)
    before, notes = {c: dict(cells) for c, cells in base[1].cells}, dict(table.notes)
    cells: dict[str, dict[str, Any]] = {}
    for r, category in enumerate(categories):
        row = table.row(category) if category in table.categories else {}
        old = before.get(category, {})
        for c, unit in enumerate(UNITS):
            weight = row.get(unit.number, 0.0)
            about: dict[str, Any] = {}
            if weight:
                about = {"text": brief(weight), "kind": "one" if weight == 1 else "part", "share": round(weight, 4)}
                about["tip"] = spoken(weight)
            if weight != old.get(unit.number, 0.0):
                about["was"] = brief(old.get(unit.number))
            if note := notes.get((category, unit.number)):
                about["note"] = " · ".join(part for part in (note.who, note.why, note.source) if part)
            if about:
                cells[f"{r},{c}"] = about
    frame = _frame(categories, set(table.categories))
    return frame | {"cells": cells, "at": _place(categories, cell), "base": base[0]}


def sheet_of_changes(before: RelatednessTable, after: RelatednessTable, compounds: bool = True) -> dict[str, Any]:
    """What the heatmap draws of a comparison: a sign and the new weight in each cell that differs."""
    categories = shown(compounds)
    cells: dict[str, dict[str, Any]] = {}
    for change in before.diff(after):
        if change.category in categories:
            kind = "plus" if not change.before else "minus" if not change.after else "up"
            if change.before and change.after and change.after < change.before:
                kind = "down"
            text = _SIGNS[kind] + ("" if kind == "minus" else brief(change.after))
            tip = f"{spoken(change.before)} → {spoken(change.after)}"
            place = f"{categories.index(change.category)},{_column(change.action_unit)}"
            cells[place] = {"text": text, "kind": kind, "share": change.after or change.before, "tip": tip}
    present = {*before.categories, *after.categories}
    return _frame(categories, present) | {"cells": cells, "at": None}


def sheet_of_findings(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    """What the heatmap draws of counted images: the rate seen in each cell; an arrow where it contradicts the table."""
    known = {(finding.category, finding.au): finding for finding in findings}
    categories = tuple(c for c in CATEGORIES if c in evidence.categories and c != Expression.NEUTRAL)
    cells: dict[str, dict[str, Any]] = {}
    for cell in evidence.cells:
        if cell.category not in categories:
            continue
        finding = known.get((cell.category, cell.au))
        about: dict[str, Any] = {"text": "", "kind": "", "share": round(cell.weight, 4)}
        about["tip"] = (
            f"{cell.weight:.2f} seen ({cell.active:.4g} of {cell.images:.4g}; {cell.low:.2f} to {cell.high:.2f})"
        )
        if finding is not None:
            about["tip"] += f", table {brief(finding.weight_in_table)}"
        if not evidence.supported(cell):
            about |= {"text": "·", "kind": "thin", "tip": f"too few images: {cell.images:.4g}"}
        elif finding is not None and finding.contradicted:
            kind = "up" if finding.verdict == CellVerdict.MORE else "down"
            about |= {"text": _SIGNS[kind] + _rate(cell.weight), "kind": kind}
            about["tip"] += f": {finding.verdict.value}"
        elif cell.weight >= MIN_WEIGHT:
            about |= {"text": _rate(cell.weight), "kind": "part"}
        cells[f"{categories.index(cell.category)},{_column(cell.au)}"] = about
    return _frame(categories, set(categories)) | {"cells": cells, "at": None}


def sheet_of_agreement(found: Sequence[Agreement], names: tuple[str, str]) -> dict[str, Any]:
    """What the heatmap draws of two tables side by side: a sign for how they stand in each cell."""
    present = {one.category for one in found}
    categories = tuple(c for c in CATEGORIES if c in present)
    cells = {
        f"{categories.index(one.category)},{_column(one.au)}": {
            "text": _RELATIONS[one.relation][0],
            "kind": _RELATIONS[one.relation][1],
            "share": max(one.first, one.second),
            "tip": f"{names[0]} {brief(one.first)}, {names[1]} {brief(one.second)}",
        }
        for one in found
    }
    return _frame(categories, present) | {"cells": cells, "at": None}


def _rate(weight: float) -> str:
    """A rate in a cell; never "1", which says prototypical."""
    return "1.0" if weight > 0.995 else f"{weight:.2f}".removeprefix("0")


def _frame(categories: tuple[str, ...], present: set[str]) -> dict[str, Any]:
    columns = [{"code": u.short, "name": u.name, "tip": described(u), "edge": u.number > _LAST_UPPER} for u in UNITS]
    edges = [i for i, about in enumerate(columns) if about["edge"]]
    for i, about in enumerate(columns):
        about["edge"] = i == edges[0]
    rows = [
        {"name": c.capitalize(), "there": c in present, "edge": r > 0 and _first_compound(categories) == r}
        for r, c in enumerate(categories)
    ]
    return {"columns": columns, "rows": rows}


def _first_compound(categories: tuple[str, ...]) -> int:
    return sum(category in EXPRESSIONS for category in categories)


def _place(categories: tuple[str, ...], cell: tuple[str, int]) -> list[int] | None:
    return [categories.index(cell[0]), _column(cell[1])] if cell[0] in categories else None


def _column(number: int) -> int:
    return next(i for i, unit in enumerate(UNITS) if unit.number == number)


def cell_at(row: int, column: int) -> tuple[str, int]:
    """(category, AU number) of a place in the sheet."""
    return CATEGORIES[row], UNITS[column].number


def grid(table: RelatednessTable, compounds: bool = True) -> pd.DataFrame:
    """The table as a spreadsheet: a row for each category, a column for each AU, empty where there is no weight."""
    rows = {c: table.row(c) if c in table.categories else {} for c in shown(compounds)}
    frame = pd.DataFrame([[row.get(u.number) for u in UNITS] for row in rows.values()], dtype=float)
    frame.columns = pd.Index([u.short for u in UNITS])
    frame.index = pd.Index([c.capitalize() for c in rows], name="Expression")
    return frame


def gridded(base: RelatednessTable, edits: Mapping[int, Mapping[str, Any]]) -> RelatednessTable:
    """The table after what was typed into the spreadsheet that began as ``base``.

    Args:
        base: what the spreadsheet was fed.
        edits: row -> column name -> typed weight or None, all since then.

    Raises:
        FormatError: an AU given to neutral, or something that is no weight; the message names the cell and what it
            keeps.
    """
    table = base
    for row, cells in edits.items():
        for short, typed in cells.items():
            category, number = CATEGORIES[int(row)], int(short.removeprefix("AU"))
            try:
                weight = float(typed or 0)
            except (TypeError, ValueError):
                weight = -1.0
            if not 0 <= weight <= 1:
                kept = brief(weight_of(table, category, number))
                raise FormatError(f"{category}, {short} = {typed!r}: expected a weight from 0 to 1; it stays {kept}")
            if weight != weight_of(table, category, number):
                table = table.edited(category, number, weight)
    return table
