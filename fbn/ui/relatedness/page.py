"""The Relatedness page, and its views for editing a table: Edit, and On a face."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from fbn.inference import Affect
from fbn.inference.effect import predictions_of
from fbn.records import Annotations
from fbn.relatedness import RelatednessTable
from fbn.relatedness.draft import Draft, describe_weight, format_weight, weight_of
from fbn.relatedness.formats import CATEGORIES
from fbn.relatedness.workshop import FIRST, Workshop
from fbn.synthetic import editing
from fbn.synthetic.activity import coded, typical
from fbn.synthetic.parameters import Face
from fbn.ui import shell
from fbn.ui.effect_view import effect_view
from fbn.ui.palette import ACCENT
from fbn.ui.relatedness.heatmap import categories_of_rows, cell_at, heatmap, sheet
from fbn.ui.relatedness.infer import infer_view
from fbn.ui.relatedness.people import people_view
from fbn.ui.relatedness.tables import (
    OPEN,
    VIEW,
    act,
    edit,
    note_form,
    set_workshop,
    show_messages,
    toolbar,
    versions_view,
    workshop,
)
from fbn.ui.relatedness.training import COMPARISONS, training_view
from fbn.ui.shell import read_upload
from fbn.ui.widgets import choose_one, controlled, pick_view, sync_with_url, was_drawn
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_INDEX, AU_NUMBERS, EXPRESSIONS, Expression

STYLE = """<style>
.st-key-relatedness_face img{border-radius:.6rem}
.st-key-relatedness_face [data-testid="stHorizontalBlock"]{flex-wrap:nowrap}
.st-key-relatedness_face [data-testid="stColumn"]{min-width:0}
.fbn-share{display:grid;grid-template-columns:minmax(7rem,10rem) 1fr 2.2rem;gap:.15rem .6rem;align-items:center;
  font-size:.84rem}
.fbn-share i{height:.7rem;border-radius:3px;box-sizing:border-box;border:1px dashed ACCENT;
  background:color-mix(in srgb,ACCENT 34%,transparent)}
.fbn-share i.fbn-one{background:ACCENT;border-style:solid}
.fbn-share .fbn-num{text-align:right;font-variant-numeric:tabular-nums}
@media (max-width:640px){
  .st-key-rel-undo p,.st-key-rel-redo p{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
}
</style>""".replace("ACCENT", ACCENT)
#: Side length in pixels of the drawn faces beside the table, and width of the picture under On a face.
_DRAWN, _INPUT = 240, 260
_KINDS = {"none": 0.0, "observational": 0.5, "prototypical": 1.0}
_SOURCES = ["Drawn face", "Sample", "Upload", "Take a photo"]


def show_workshop() -> None:
    """Show the page; each view is a fragment, so that a click redraws only the view."""
    st.html(STYLE)
    if not was_drawn(VIEW):
        _clear_messages()
    shop = workshop()
    if (wanted := sync_with_url("table", OPEN, shop.labels(), FIRST, "table", VIEW)) != shop.open:
        act(Workshop.open_table, wanted)
    views: dict[str, Callable[[], None]] = {
        "Edit": partial(_by_table, edit_view, people_view),
        "Versions": versions_view,
        "Infer": infer_view,
        "On a face": partial(_by_table, face_view, _not_of_expressions),
        "Training": partial(_by_table, training_view, _not_of_expressions),
    }
    view = sync_with_url("view", VIEW, list(views), "Edit", "view")
    pick_view("View", VIEW, list(views), _clear_messages)
    _view(views[view])


@st.fragment
def _view(show: Callable[[], None]) -> None:
    show()


def _by_table(of_expressions: Callable[[], None], of_others: Callable[[], None]) -> None:
    """Show the view for the kind of the open table, which a click in the view may change."""
    (of_expressions if workshop().draft.table.of_expressions else of_others)()


def _not_of_expressions() -> None:
    """Say that a view needs another table."""
    toolbar()
    show_messages()
    st.info("This view is for tables of expressions and action units: open one of those.", icon=":material/grid_on:")


def _clear_messages() -> None:
    """Remove messages that belong to another view."""
    set_workshop(replace(workshop(), message="", problem=""))
    COMPARISONS.set_problem("")


def edit_view() -> None:
    """Show the table, the selected cell, a face of its row and the expressions of its column."""
    toolbar()
    show_messages()
    table, panel = st.columns([13, 7], gap="large")
    with table:
        controlled(
            st.toggle,
            "Compound expressions",
            workshop().compounds,
            lambda on: set_workshop(replace(workshop(), compounds=on)),
            "rel compounds",
        )
        _editable_heatmap(workshop().compounds, "rel heatmap")
        st.caption(
            "Click a cell, or walk with the arrow keys. Type a weight, Enter to keep it, Delete to empty; or paste a "
            "block of weights out of a spreadsheet."
        )
    with panel:
        _cell_panel()
        _row()
        _column()


def _editable_heatmap(compounds: bool, key: str) -> None:
    shop = workshop()
    if shop.draft.cell[0] not in categories_of_rows(compounds):
        # the selected cell must be visible
        edit(shop.open, _selected, Expression.FEAR.value, shop.draft.cell[1])
        shop = workshop()
    layout = sheet(shop.draft.table, shop.compared(), shop.draft.cell, compounds)
    layout["unsaved"] = any(each.unsaved for each in shop.drafts.values())
    heatmap(layout, f"Relatedness table {shop.open}", key, lambda message: _apply(shop.open, message))


def _apply(label: str, message: dict[str, Any]) -> None:
    """Apply a message of the heatmap."""
    if step := message.get("step"):
        edit(label, Draft.undo if step == "undo" else Draft.redo)
    elif block := message.get("block"):
        edit(label, Draft.with_block, {cell_at(row, column): str(text) for row, column, text in block})
    elif "weight" in message:
        edit(label, Draft.with_weight, *cell_at(*message["at"]), float(message["weight"]))
    else:
        edit(label, _selected, *cell_at(*message["at"]))


def _selected(draft: Draft, category: str, number: int) -> Draft:
    return replace(draft, cell=(category, number))


def _cell_panel() -> None:
    """Show the selected cell: its AU, weight and note."""
    label, draft = workshop().open, workshop().draft
    category, number = draft.cell[0], int(draft.cell[1])
    unit, weight = ACTION_UNIT_BY_NUMBER[number], weight_of(draft.table, category, number)
    st.markdown(f"**{category.capitalize()} · {unit.short} {unit.name}**")
    st.caption(f"{unit.description.capitalize()}. Muscle: {unit.muscle}.")
    if category == Expression.NEUTRAL:
        st.caption("Neutral is a face at rest: it has no action units.")
        return
    kind = "none" if not weight else "prototypical" if weight == 1 else "observational"
    controlled(
        st.segmented_control,
        "In this expression it is",
        kind,
        lambda chosen: edit(label, Draft.with_weight, category, number, _KINDS[chosen]) if chosen != kind else None,
        f"rel kind {label} {category} {number}",
        options=list(_KINDS),
        format_func=str.capitalize,
        required=True,
        width="stretch",
        label_visibility="collapsed",
    )
    controlled(
        st.slider,
        "Weight",
        float(weight),
        lambda moved: edit(label, Draft.with_weight, category, number, round(float(moved), 4)),
        f"rel weight {label} {category} {number}",
        min_value=0.0,
        max_value=1.0,
        step=0.01,
        help="Of people showing the expression, the share that showed the AU. 1: all, prototypical. 0: no part of it.",
    )
    if category in draft.table.categories:
        note_form(label, category, number, draft.table.note(category, number))


def _row() -> None:
    """Show a typical face of the selected row; if the row was changed, before and after."""
    (category, _), table, (name, base) = workshop().draft.cell, workshop().draft.table, workshop().compared()
    weights = table.row(category) if category in table.categories else {}
    units = typical(weights)
    st.markdown(f"**A typical face of {category}**", help="Drawn from the row: every AU of weight 0.5 or more, at 0.8.")
    with st.container(key="relatedness_face"):
        first, second = st.columns(2, gap="small")
        alt = f"A drawn face that shows {category}"
        if any(change.category == category for change in base.diff(table)):
            first.image(_face(base, category), caption=name, alt=alt)
            second.image(_face(table, category), caption="Now", alt=f"{alt}, by the edited table")
        else:
            first.image(_face(table, category), alt=alt)
            listed = [f"**{ACTION_UNIT_BY_NUMBER[n].short}** {ACTION_UNIT_BY_NUMBER[n].name}" for n in units]
            second.markdown("  \n".join(listed) or "A face at rest.")
    # weights below 0.5, and AUs that drawn faces do not have
    if not_drawn := [f"AU{n} {format_weight(weight)}" for n, weight in weights.items() if n not in units]:
        st.caption(f"Not drawn: {', '.join(not_drawn)}.")


def _face(table: RelatednessTable, category: str) -> np.ndarray:
    face = editing.preset(Face(), table, category, 0.8) if category in table.categories else Face()
    return editing.picture(face, _DRAWN).image


def _column() -> None:
    """Show the expressions that have the selected AU."""
    table, (category, number) = workshop().draft.table, workshop().draft.cell
    unit = ACTION_UNIT_BY_NUMBER[number]
    st.markdown(f"**Expressions that share {unit.short} {unit.name}**")
    if bars := share_bars(table, number, category):
        st.html(bars)
    else:
        st.caption("None in this table.")
    if number not in AU_INDEX:
        st.caption("The network does not read this AU: the losses skip it.")


def share_bars(table: RelatednessTable, number: int, selected: str) -> str:
    """Return a bar for each category that has the AU, by weight: solid if prototypical, dashed if observational.

    Args:
        table: the table.
        number: number of the AU.
        selected: category to show in bold.

    Returns:
        HTML; "" if no category has the AU.
    """
    weights = [(category, weight_of(table, category, number)) for category in table.categories]
    rows = []
    for category, weight in sorted(weights, key=lambda pair: -pair[1]):
        if weight:
            name = escape(category.capitalize())
            rows.append(
                f"<span>{f'<b>{name}</b>' if category == selected else name}</span>"
                f'<i class="{"fbn-one" if weight == 1 else ""}" style="width:{100 * weight:.0f}%" '
                f'title="{escape(f"{category}: {describe_weight(weight)}")}"></i>'
                f'<span class="fbn-num">{format_weight(weight)}</span>'
            )
    return f'<div class="fbn-share">{"".join(rows)}</div>' if rows else ""


def face_view() -> None:
    """Show a face, the table's basic expressions for editing, and the table's effect on the face."""
    toolbar()
    show_messages()
    picture, table = st.columns([7, 13], gap="large")
    with picture:
        reading = _choose()
    with table:
        st.caption("Change a weight here and see below what it does to this face.")
        _editable_heatmap(compounds=False, key="rel face heatmap")
        _cell_panel()
    if reading is None:
        st.info("What the table makes of the face appears here once there is one.", icon=":material/face:")
        return
    affect, labels = reading
    draft, (name, base) = workshop().draft, workshop().compared()
    against = "" if base == draft.parent[1] else name
    effect_view(predictions_of(affect), draft.table, base, labels, key="rel effect", against=against)


def _choose() -> tuple[Affect, Annotations | None] | None:
    """Return predictions for the chosen face, and its true labels if it was drawn; None without a face."""
    source = choose_one("Face", _SOURCES, "rel face source")
    if source == "Drawn face":
        return _choose_synthetic_face()
    if source == "Sample":
        image, identifier = shell.sample_picture(), "sample"
        st.image(image, width=_INPUT, alt="The sample picture: portrait of an astronaut who smiles")
        st.caption(shell.SAMPLE_CREDIT)
    else:
        widget = st.file_uploader if source == "Upload" else st.camera_input
        upload = widget("A picture of a face", key=f"rel face {source}")
        if upload is None:
            return None
        image, identifier = read_upload(upload), upload.file_id
        st.image(image, width=_INPUT, alt="The picture you chose")
    affect = shell.read_face("rel", identifier, image, is_crop=False)
    if affect is None:
        st.warning("No face was found in this picture.", icon=":material/face:")
        return None
    return affect, None


def _choose_synthetic_face() -> tuple[Affect, Annotations | None] | None:
    name, table = workshop().compared()
    categories = [category for category in CATEGORIES if category in table.categories]
    first = categories.index("fear") if "fear" in categories else 0
    category = st.selectbox("It shows", categories, first, format_func=str.capitalize)
    strength = st.slider("How strongly", 0.0, 1.0, 0.8, 0.05, key="rel face strength")
    face = editing.preset(Face(), table, category, strength)
    image = editing.picture(face).image
    st.image(image, width=_INPUT, alt=f"A drawn face that shows {category}")
    st.caption(f"{category.capitalize()} at {strength:.0%}, drawn by {name}: it stays as you edit.")
    affect = shell.read_face("rel", face, image, is_crop=True)
    units = dict(zip(AU_NUMBERS, coded(face.intensities).tolist(), strict=True))
    labels = Annotations.of(category, units) if category in EXPRESSIONS else None
    return None if affect is None else (affect, labels)
