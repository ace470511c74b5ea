"""A relatedness table as a heatmap that can be clicked, navigated by arrow keys, and edited by typing or pasting.

The functions ``sheet...`` lay out tables, differences and counts as rows, columns and cells; ``heatmap`` draws them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.resources import files
from typing import Any

import streamlit as st

from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.relatedness.draft import describe_weight, format_weight, weight_of
from fbn.relatedness.evidence import Agreement, CellVerdict, Evidence, Finding, Relation
from fbn.relatedness.formats import CATEGORIES
from fbn.ui.html import au_tooltip
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, EXPRESSIONS, ActionUnit, Expression

#: (category, AU number) -> a cell's data: text, kind (its style in heatmap.css), share, tip, was, note.
Cells = Mapping[tuple[str, int], dict[str, Any]]
#: Kind and text of a sample cell, and its meaning.
Legend = Sequence[tuple[str, str, str]]

#: The columns: every AU that a table may contain, in FACS order.
UNITS: tuple[ActionUnit, ...] = tuple(ACTION_UNIT_BY_NUMBER.values())
#: A line before it separates FACS' upper face, brows and eyes.
_FIRST_LOWER = next(unit for unit in UNITS if unit.number > 7)
_CHANGES: Legend = (
    ("plus", "+.55", "added"),
    ("minus", "−", "removed"),
    ("up", "↑.80", "more"),
    ("down", "↓.30", "less"),
)
_FINDINGS: Legend = (
    ("part", ".55", "rate seen"),
    ("up", "↑.65", "more often than the table says"),
    ("down", "↓.02", "less often"),
    ("thin", "·", "too few images"),
)
_RELATIONS: dict[Relation, tuple[str, str, str]] = {
    Relation.BOTH: ("both", "=", "in both"),
    Relation.APART: ("apart", "≠", "in both, weights more than .3 apart"),
    Relation.FIRST: ("first", "◧", "in {0} only"),
    Relation.SECOND: ("second", "◨", "in {1} only"),
    Relation.UNSEEN: ("thin", "?", "an AU that the other never names"),
}
_HERE = files("fbn") / "ui" / "relatedness"
_component = st.components.v2.component(
    "fbn_heatmap",
    html='<div class="sheet"></div>',
    css=(_HERE / "heatmap.css").read_text("utf-8"),
    js=(_HERE / "heatmap.js").read_text("utf-8"),
)


def heatmap(sheet: dict[str, Any], label: str, key: str, act: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Draw a sheet.

    Args:
        sheet: return value of one of the functions below.
        label: accessible name.
        key: key of the widget.
        act: called with {"at": [row, column]} for a selected cell, with a "weight" too if one was typed, with
            {"block": [[row, column, text], ...]} for pasted cells, or with {"step": "undo" | "redo"}. None for a
            heatmap that cannot be edited.
    """

    def changed() -> None:
        message = st.session_state[key].get("act")
        if act is not None and message:
            act(message)

    _component(data={**sheet, "label": label, "editable": act is not None}, key=key, on_act_change=changed)


def categories_of_rows(compounds: bool) -> tuple[str, ...]:
    """Return the categories of the rows: seven expressions, and optionally the compounds."""
    return CATEGORIES if compounds else CATEGORIES[: len(EXPRESSIONS)]


def cell_at(row: int, column: int) -> tuple[str, int]:
    """Return (category, AU number) of a cell in the sheet of one table."""
    return CATEGORIES[row], UNITS[column].number


def sheet(
    table: RelatednessTable, base: tuple[str, RelatednessTable], cell: tuple[str, int], compounds: bool = True
) -> dict[str, Any]:
    """Lay out one table, with marks on cells that differ from ``base``, a (name, table), and on cells with a note."""
    notes, cells = dict(table.notes), {}
    for category in categories_of_rows(compounds):
        for number in ACTION_UNIT_BY_NUMBER:
            weight, old = (weight_of(each, category, number) for each in (table, base[1]))
            data: dict[str, Any] = {}
            if weight:
                data = {"text": format_weight(weight), "kind": "one" if weight == 1 else "part"}
                data |= {"share": round(weight, 4), "tip": describe_weight(weight)}
            if weight != old:
                data["was"] = format_weight(old)
            if note := notes.get((category, number)):
                data["note"] = " · ".join(part for part in (note.who, note.why, note.source) if part)
            if data:
                cells[category, number] = data
    legend: Legend = (
        ("one", "1", "prototypical: everybody showed it"),
        ("part", ".55", "observational: the share that showed it"),
        ("was", "", f"differs from {base[0]}"),
        ("noted", "", "has a note"),
    )
    return _sheet(categories_of_rows(compounds), cells, legend, table.categories, cell) | {"base": base[0]}


def sheet_of_changes(before: RelatednessTable, after: RelatednessTable, compounds: bool = True) -> dict[str, Any]:
    """Lay out the differences of two tables: a sign and the new weight in each cell that differs."""
    cells = {}
    for change in before.diff(after):
        kind = "plus" if not change.before else "minus" if not change.after else "up"
        if change.before and change.after and change.after < change.before:
            kind = "down"
        text = {"plus": "+", "minus": "−", "up": "↑", "down": "↓"}[kind]
        cells[change.category, int(change.action_unit)] = {
            "text": text + (format_weight(change.after) if change.after else ""),
            "kind": kind,
            "tip": f"{describe_weight(change.before)} → {describe_weight(change.after)}",
        }
    return _sheet(categories_of_rows(compounds), cells, _CHANGES, {*before.categories, *after.categories})


def sheet_of_findings(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    """Lay out counted images: the observed rate in each cell, with an arrow if it contradicts the table."""
    by_cell = {(finding.category, finding.au): finding for finding in findings}
    categories = tuple(c for c in CATEGORIES if c in evidence.categories and c != Expression.NEUTRAL)
    cells: dict[tuple[str, int], dict[str, Any]] = {}
    for cell in evidence.cells:
        finding, tip = by_cell.get((cell.category, cell.au)), f"too few images: {cell.images:.4g}"
        kind = text = ""
        if not evidence.supported(cell):
            kind, text = "thin", "·"
        else:
            tip = f"{cell.weight:.2f} seen ({cell.active:.4g} of {cell.images:.4g}; {cell.low:.2f} to {cell.high:.2f})"
            if finding is not None:
                tip += f", table {format_weight(finding.weight_in_table)}"
            # not "1", which means prototypical
            rate = "1.0" if cell.weight > 0.995 else f"{cell.weight:.2f}".removeprefix("0")
            if finding is not None and finding.contradicted:
                kind = "up" if finding.verdict == CellVerdict.MORE else "down"
                text = {"up": "↑", "down": "↓"}[kind] + rate
                tip += f": {finding.verdict.value}"
            elif cell.weight >= MIN_WEIGHT:
                kind, text = "part", rate
        cells[cell.category, cell.au] = {"text": text, "kind": kind, "share": round(cell.weight, 4), "tip": tip}
    return _sheet(categories, cells, _FINDINGS)


def sheet_of_agreement(agreements: Sequence[Agreement], names: tuple[str, str]) -> dict[str, Any]:
    """Lay out the agreement of two tables: a sign in each cell that at least one of them names."""
    present = {each.category for each in agreements}
    cells = {}
    for each in agreements:
        kind, sign, _ = _RELATIONS[each.relation]
        tip = f"{names[0]} {format_weight(each.first)}, {names[1]} {format_weight(each.second)}"
        cells[each.category, each.au] = {"text": sign, "kind": kind, "tip": tip}
    legend = [(kind, sign, meaning.format(*names)) for kind, sign, meaning in _RELATIONS.values()]
    return _sheet(tuple(c for c in CATEGORIES if c in present), cells, legend)


def _sheet(
    categories: tuple[str, ...],
    cells: Cells,
    legend: Legend,
    present: Collection[str] | None = None,
    selected: tuple[str, int] | None = None,
) -> dict[str, Any]:
    """Return the data for heatmap.js. ``present``: the table's categories; None for all."""
    rows = {category: i for i, category in enumerate(categories)}
    columns = {unit.number: i for i, unit in enumerate(UNITS)}
    first_compound = next((c for c in categories if c not in EXPRESSIONS), None)
    return {
        "columns": [{"code": u.short, "name": u.name, "tip": au_tooltip(u), "edge": u is _FIRST_LOWER} for u in UNITS],
        "rows": [
            {"name": c.capitalize(), "there": present is None or c in present, "edge": r > 0 and c == first_compound}
            for r, c in enumerate(categories)
        ],
        "cells": {f"{rows[c]},{columns[n]}": data for (c, n), data in cells.items() if c in rows},
        "at": [rows[selected[0]], columns[selected[1]]] if selected and selected[0] in rows else None,
        "legend": [dict(zip(("kind", "text", "meaning"), each, strict=True)) for each in legend],
    }
