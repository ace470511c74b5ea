"""The Face studio: draw a face and see the network's predictions, animate it, take a quiz."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from fbn.errors import FbnError, FormatError
from fbn.faces.pictures import png_bytes
from fbn.history import History
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.relatedness.versions import load_table
from fbn.synthetic import editing
from fbn.synthetic.parameters import Face
from fbn.ui import shell
from fbn.ui.panels import circumplex_panel, expression_panel
from fbn.ui.studio import html
from fbn.ui.studio.controls import controls
from fbn.ui.studio.quiz import quiz_view
from fbn.ui.studio.state import current, show, slider, update
from fbn.ui.widgets import choose_one, controlled, keep_user_changes
from fbn.vocabulary import Expression

#: Side lengths in pixels of a saved picture and of an animation.
_SAVED, _ANIMATED = 640, 256
_ANIMATION = "studio animation"
_CURRENT = "the face under Draw"
_COMPARED_HELP = (
    "Drawn: the intensity you set, of the stronger half of the face. Read: the network's probability that the action "
    "unit (AU, a movement of certain muscles) is there. They are different scales with the same line: from 0.5 on, "
    "both say that it is there."
)
_TABLE_HELP = (
    "A relatedness table says which action units (AU) go with which expression, with a weight from 0 to 1. A preset "
    "shows those of weight 0.5 or more. Tables that you save on the Relatedness page stand here too."
)


def show_studio() -> None:
    """Show the studio's views."""
    # a saved table may have changed since the last visit
    _take_table(current().source)
    st.html(html.STYLE)
    views = {"Draw": _draw, "Animate": _animate, "Quiz": quiz_view}
    st.fragment(views[choose_one("View", list(views), "studio_view", label_visibility="collapsed")])()


def _draw() -> None:
    face, sliders, reading = st.columns([6, 7, 7], gap="medium")
    image = editing.picture(current().face).image
    with face:
        with st.container(key="studio_face"):
            active = ", ".join(unit.short for unit in editing.active_units(editing.unit_levels(current().face)))
            st.image(image, alt=f"The drawn face, action units from 0.5 on: {active or 'none'}")
        _steps()
        _files()
    with sliders:
        _preset()
        controls()
    with reading:
        _reading(current().face, image)


def _steps() -> None:
    history, relax = current().history, "Every action unit back to 0; the person, pose and light stay."
    with st.container(horizontal=True, gap="small", key="studio_steps"):
        _step("Undo", "undo", history.undo, bool(history.past))
        _step("Redo", "redo", history.redo, bool(history.future))
        st.button("Relax", icon=":material/sentiment_neutral:", on_click=_relax, help=relax, width="stretch")
        st.button(
            "Reset", icon=":material/restart_alt:", on_click=_reset, help="Back to the average face.", width="stretch"
        )


def _step(label: str, icon: str, move: Callable[[], History[Face]], possible: bool) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        on_click=lambda: update(history=move()),
        disabled=not possible,
        width="stretch",
    )


@keep_user_changes
def _relax() -> None:
    update(category=None)
    show(current().face.with_units({}))


@keep_user_changes
def _reset() -> None:
    update(category=None)
    show(Face())


def _preset() -> None:
    state = current()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        controlled(
            st.selectbox,
            "Expression",
            state.category,
            lambda category: _apply(category, current().intensity),
            "studio category",
            options=state.table.categories,
            format_func=str.capitalize,
            placeholder="Choose one",
            help="The seven expressions, then compounds of two. It sets the action units; sliders change them further.",
        )
        with st.popover("Table", icon=":material/table_chart:"):
            _tables()
    slider(
        "Intensity of the expression",
        state.intensity,
        lambda moved: _apply(current().category, moved),
        "studio intensity",
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        disabled=state.category is None,
    )


@keep_user_changes
def _apply(category: str | None, intensity: float) -> None:
    update(category=category, intensity=intensity)
    state = current()
    if category is not None:
        show(editing.preset(state.face, state.table, category, intensity))


def _tables() -> None:
    state, names = current(), _names()
    choices = names if state.source in names else (*names, state.source)
    controlled(
        st.selectbox, "Relatedness table", state.source, _pick_table, "studio table", options=choices, help=_TABLE_HELP
    )
    st.caption(state.table.provenance.source)
    st.file_uploader(
        "Your own (CSV or JSON)",
        ["csv", "json"],
        key="studio own table",
        on_change=_read_table,
        max_upload_size=1,
    )
    _problem(state.table_problem)


def _names() -> tuple[str, ...]:
    return (*RelatednessTable.names(), *Versions().names(of_expressions=True))


def _pick_table(name: str) -> None:
    update(table_problem="")
    _take_table(name)


def _take_table(name: str) -> None:
    """Use the current version of a built-in or saved table; ignore any other name."""
    if name in _names():
        try:
            _use(resolve(name), name)
        except FbnError as error:
            update(table_problem=str(error))


def _use(table: RelatednessTable, source: str) -> None:
    """Take presets from another table, and update the current preset."""
    state = current()
    category = state.category if state.category in table.categories else None
    update(table=table, source=source, category=category)
    if table != state.table:
        _apply(category, state.intensity)


def _read_table() -> None:
    upload = st.session_state["studio own table"]
    update(table_problem="")
    if upload is not None:
        try:
            _use(load_table(upload.name, upload.getvalue()), upload.name)
        except FormatError as error:
            update(table_problem=str(error))


@keep_user_changes
def _read_face() -> None:
    upload = st.session_state["studio file"]
    update(face_problem="")
    if upload is not None:
        try:
            face = editing.load_face(upload.name, upload.getvalue())
        except FormatError as error:
            update(face_problem=str(error))
        else:
            update(category=None)
            show(face)


def _problem(message: str) -> None:
    if message:
        st.error(message, icon=":material/error:")


def _files() -> None:
    face = current().face
    with st.popover("Save or load", icon=":material/save:", width="stretch"):
        _download(f"Picture (PNG, {_SAVED} pixels)", partial(_png, face), "fbn-face.png")
        _download("Face (JSON)", face.model_dump_json(indent=1), "fbn-face.json")
        st.caption("A moving picture (GIF) is made under Animate.")
        st.file_uploader("Load a face (JSON)", "json", key="studio file", on_change=_read_face, max_upload_size=1)
        _problem(current().face_problem)


def _download(label: str, contents: str | Callable[[], bytes], name: str) -> None:
    st.download_button(label, contents, name, icon=":material/download:", on_click="ignore", width="stretch")


def _png(face: Face) -> bytes:
    return png_bytes(editing.picture(face, _SAVED).image)


def _reading(face: Face, image: np.ndarray) -> None:
    affect = shell.read_face("studio", face, image, is_crop=True)
    assert affect is not None
    st.markdown("**Drawn and read**, AU by AU", help=_COMPARED_HELP)
    if np.isnan(affect.action_units).any():
        st.caption("This model does not read action units.")
    else:
        drawn = editing.unit_levels(face)
        st.markdown(html.compared(drawn, affect.action_units))
        st.html(html.comparison(drawn, affect.action_units))
    expression_panel(affect)
    circumplex_panel(((float(affect.valence_arousal[0]), float(affect.valence_arousal[1])),))


def _animate() -> None:
    """Draw the form for an animation between two faces, and the animation."""
    state = current()
    choices = [_CURRENT, *state.table.categories]
    left, right = st.columns([2, 3], gap="large")
    with left:
        with st.container(horizontal=True):
            first = st.selectbox("From", choices, choices.index(Expression.NEUTRAL), format_func=_title, key="gif from")
            last = st.selectbox("To", choices, 0, format_func=_title, key="gif to")
        intensity = st.slider("Intensity", 0.1, 1.0, 0.8, 0.05, key="gif intensity", help="Of the expressions chosen.")
        seconds = st.slider("Way there (seconds)", 0.2, 2.0, 0.6, 0.1, key="gif seconds", format="%.1f s")
        hold = st.slider("Stay at each end (seconds)", 0.1, 2.0, 0.6, 0.1, key="gif hold", format="%.1f s")
        back = st.toggle("And back", True, key="gif back", help="Returns, so that it can be looped without a jump.")
        ends = [
            state.face if choice == _CURRENT else editing.preset(state.face, state.table, choice, intensity)
            for choice in (first, last)
        ]
        request = (ends[0], ends[1], seconds, hold, back)
        if st.button("Make the animation", type="primary", icon=":material/animation:"):
            with st.spinner("Drawing the frames…"):
                file = editing.gif_bytes(editing.transition(*request), _ANIMATED)
                st.session_state[_ANIMATION] = (request, file)
    with right:
        made, file = st.session_state.get(_ANIMATION, (None, b""))
        if made != request:
            st.info("Choose two faces and how long it takes, then make the animation.", icon=":material/animation:")
            return
        title = f"{_title(first)} to {_title(last)}"
        st.image(file, caption=f"{title}, {editing.RATE:g} frames per second", alt=f"A drawn face moves: {title}")
        name = f"fbn-{first}-to-{last}.gif".replace(_CURRENT, "own").replace(" ", "-")
        st.download_button(
            f"Download GIF ({len(file) / 1000:,.0f} kB)",
            file,
            name,
            "image/gif",
            icon=":material/download:",
            on_click="ignore",
        )


def _title(choice: str) -> str:
    return choice[0].upper() + choice[1:]
