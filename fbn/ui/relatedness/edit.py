"""The editor: heatmap and spreadsheet, the selected cell, the face of its row and the expressions of its column."""

from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import streamlit as st

from fbn.errors import FormatError
from fbn.relatedness import Note, RelatednessTable
from fbn.synthetic import editing as studio
from fbn.synthetic.parameters import Face
from fbn.ui.relatedness import draft as logic
from fbn.ui.relatedness import marks, sheets
from fbn.ui.relatedness.files import bar, messages
from fbn.ui.relatedness.heatmap import heatmap
from fbn.ui.relatedness.state import compared, draft, edit, keep, put, workshop
from fbn.ui.studio.html import described
from fbn.ui.widgets import bound
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_INDEX, Expression

#: Side of the drawn faces, pixels.
_FACE = 240
_KINDS = {"none": 0.0, "observational": 0.5, "prototypical": 1.0}


def edit_view() -> None:
    """The table, and beside it what was selected in it."""
    bar()
    messages()
    if st.session_state.get("rel look") == "Grid":
        _table()
        parts = iter(st.columns(3, gap="large"))
    else:
        table, panel = st.columns([13, 7], gap="large")
        with table:
            _table()
        parts = repeat(panel)
    for about, place in zip((cell_panel, _row, _column), parts, strict=False):
        with place:
            about()


def _table() -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        look = st.segmented_control(
            "Show as",
            ["Heatmap", "Grid"],
            default="Heatmap",
            required=True,
            key="rel look",
            label_visibility="collapsed",
        )
        bound(st.toggle, "Compound expressions", workshop().compounds, lambda on: keep(compounds=on), "rel compounds")
    if look == "Grid":
        _grid()
    else:
        editable_heatmap(workshop().compounds, "rel heatmap")
        st.html(marks.signs(compared()[0]))
        st.caption("Click a cell, or walk with the arrow keys. Type a weight, Enter to keep it, Delete to empty.")


def editable_heatmap(compounds: bool, key: str) -> None:
    """The table on the page, to click on and to type into."""
    if draft().cell[0] not in sheets.shown(compounds):
        # what is selected must be in sight
        _select(Expression.FEAR.value, draft().cell[1])
    sheet = sheets.sheet(draft().table, compared(), draft().cell, compounds)
    sheet["unsaved"] = any(each.unsaved for each in workshop().drafts.values())
    heatmap(sheet, f"Relatedness table {workshop().open}", key, _act)


def _act(what: dict[str, Any]) -> None:
    """What the heatmap said."""
    if step := what.get("step"):
        put(draft().undo() if step == "undo" else draft().redo())
        return
    category, number = sheets.cell_at(*what["at"])
    _select(category, number)
    if "weight" in what:
        edit(category, number, float(what["weight"]))


def _select(category: str, number: int) -> None:
    put(replace(draft(), cell=(category, number)))


def _grid() -> None:
    now, compounds = draft(), workshop().compounds
    key = f"rel grid {workshop().open} {now.turn} {compounds}"
    frame = sheets.grid(now.grid, compounds)
    columns: dict[str, Any] = {
        unit.short: st.column_config.NumberColumn(
            str(unit.number),
            help=described(unit),
            # no range: the browser would put another weight in the place of one that lies outside, without a word
            format="plain",
            width=53,
        )
        for unit in sheets.UNITS
    }
    columns["Expression"] = st.column_config.TextColumn(width=150)
    st.data_editor(
        frame,
        key=key,
        on_change=partial(_typed, key),
        column_config=columns,
        height=35 * (len(frame) + 1) + 3,
        row_height=35,
        placeholder="",
    )
    st.caption("Type weights from 0 to 1, or paste a block out of a spreadsheet; empty is none, 1 prototypical.")


def _typed(key: str) -> None:
    now = draft()
    try:
        table = sheets.gridded(now.grid, st.session_state[key]["edited_rows"])
    except FormatError as error:
        put(now.fed())
        keep(problem=str(error))
        return
    changes = now.table.diff(table)
    if changes:
        cell = (changes[-1].category, changes[-1].action_unit)
        put(now.to(table, logic.summary(changes, 1), cell, typed=True))


def cell_panel() -> None:
    """The selected cell: what it is, its weight, its note."""
    category, number = draft().cell
    unit, weight = ACTION_UNIT_BY_NUMBER[number], logic.weight_of(draft().table, category, number)
    st.html(
        f'<div class="fbn-cell"><b>{category.capitalize()} · {unit.short} {unit.name}</b>'
        f"<div>{unit.description.capitalize()}. Muscle: {unit.muscle}.</div></div>"
    )
    if category == Expression.NEUTRAL:
        st.caption("Neutral is a face at rest: it has no action units.")
        return
    kind = "none" if not weight else "prototypical" if weight == 1 else "observational"
    bound(
        st.segmented_control,
        "In this expression it is",
        kind,
        lambda chosen: edit(category, number, _KINDS[chosen]) if chosen != kind else None,
        f"rel kind {workshop().open} {category} {number}",
        options=list(_KINDS),
        format_func=str.capitalize,
        required=True,
        width="stretch",
        label_visibility="collapsed",
    )
    bound(
        st.slider,
        "Weight",
        float(weight),
        lambda moved: edit(category, number, round(float(moved), 4)),
        f"rel weight {workshop().open} {category} {number}",
        min_value=0.0,
        max_value=1.0,
        step=0.01,
        help="Of people showing the expression, the share that showed the AU. 1: all, prototypical. 0: no part of it.",
    )
    _note(category, number)


def _note(category: str, number: int) -> None:
    table = draft().table
    if category not in table.categories:
        return
    note = table.note(category, number)
    if note != Note():
        signed = ", ".join(logic.plain(part) for part in (note.who, note.source) if part)
        st.caption(f"Note: {logic.plain(note.why)}" + (f" ({signed})" if signed else ""))
    key = f"rel note {category} {number} {draft().turn}"
    with (
        st.popover("Change the note" if note != Note() else "Add a note", icon=":material/edit_note:", width="stretch"),
        st.form(key, border=False),
    ):
        st.text_input("Who", note.who, key=f"{key} who", max_chars=100, placeholder="your name or initials")
        st.text_area("Why", note.why, key=f"{key} why", max_chars=1000, placeholder="what speaks for this weight")
        st.text_input("Source", note.source, key=f"{key} source", max_chars=300, placeholder="a paper, a data set")
        st.form_submit_button("Keep the note", on_click=partial(_noted, category, number, key))
        st.caption("Empty all three to remove it.")


def _noted(category: str, number: int, key: str) -> None:
    parts = (st.session_state[f"{key} {part}"].strip() for part in ("who", "why", "source"))
    table = draft().table.annotated(category, number, Note(*parts))
    put(draft().to(table, f"note on {category} AU{number}", (category, number)))


def _row() -> None:
    category, (name, base) = draft().cell[0], compared()
    changed = any(change.category == category for change in base.diff(draft().table))
    st.markdown(f"**A typical face of {category}**", help="Drawn from the row: every AU of weight 0.5 or more, at 0.8.")
    with st.container(key="relatedness_face"):
        first, second = st.columns(2, gap="small")
        alt = f"A drawn face that shows {category}"
        first.image(_face(base if changed else draft().table), caption=name if changed else None, alt=alt)
        if changed:
            second.image(_face(draft().table), caption="Now", alt=f"{alt}, by the edited table")
        else:
            second.html(marks.drawn_units(logic.drawn(draft().table, category)))
    left = logic.undrawn(draft().table, category)
    if left:
        st.caption(f"Not drawn: {', '.join(left)}.")


def _face(table: RelatednessTable) -> np.ndarray:
    category, face = draft().cell[0], Face()
    if category in table.categories:
        face = studio.preset(face, table, category, 0.8)
    return studio.picture(face, _FACE).image


def _column() -> None:
    category, number = draft().cell
    unit, shares = ACTION_UNIT_BY_NUMBER[number], logic.sharing(draft().table, number)
    st.markdown(f"**Expressions that share {unit.short} {unit.name}**")
    if shares:
        st.html(marks.share_bars(shares, category))
    else:
        st.caption("None in this table.")
    if number not in AU_INDEX:
        st.caption("The network does not read this AU: the losses skip it.")
