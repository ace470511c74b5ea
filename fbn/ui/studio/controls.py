"""The studio's sliders: action units, the person, head and light, the camera."""

from collections.abc import Iterable
from functools import partial

import streamlit as st

from fbn.synthetic.parameters import Face, Hair, HairColour
from fbn.ui.studio import face as studio
from fbn.ui.studio import knobs as studio_knobs
from fbn.ui.studio.knobs import Knob, put
from fbn.ui.studio.marks import described, units_by_region
from fbn.ui.studio.state import current, keep, show, slider
from fbn.ui.widgets import bound, sweeping
from fbn.vocabulary import AU_INDEX, ActionUnit

_GROUPS = ("Action units", "Person", "Scene", "Camera")
_UNIT_HELP = (
    "Action units (AU) are visible movements of the face, each by certain muscles, numbered in the Facial Action "
    "Coding System (FACS). Intensity: 0 is not there, 1 as strong as it gets; a coder calls it there from 0.5 on."
)
_LINK_HELP = "On: one slider moves both halves of the face. Off: each half has its own. Left is the person's left."
_LAST_PERSON = 9_999


def controls() -> None:
    """The chosen group's sliders; the others cost nothing."""
    group = st.segmented_control(
        "Change", _GROUPS, default=_GROUPS[0], required=True, key="studio_group", label_visibility="collapsed"
    )
    with st.container(key="studio_knobs", gap="xsmall"):
        if group == "Person":
            _person()
        elif group == "Scene":
            _knobs(studio_knobs.HEAD)
            st.markdown("**Light**")
            _knobs(studio_knobs.LIGHT)
            _number("Background", "Which of many rooms, walls and skies stands behind.", "scene", "background")
        elif group == "Camera":
            _knobs(studio_knobs.CAMERA)
            gray, face = current().face.camera.gray, current().face
            bound(st.toggle, "Gray", gray, lambda on: show(put(face, "camera", "gray", on)), "studio gray")
        else:
            _units()


def _units() -> None:
    state = current()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**Intensity**, 0 … 1", help=_UNIT_HELP, width="content")
        bound(st.toggle, "Left = right", state.linked, _link, "studio linked", help=_LINK_HELP)
    for region, units in units_by_region().items():
        st.html(f'<div class="fbn-head">{region}</div>')
        for unit in units:
            left, right = state.face.action_units[AU_INDEX[unit.number]]
            # halves that differ are never hidden behind one slider
            if state.linked and left == right:
                _unit(unit, left, None)
            else:
                _unit(unit, left, 0)
                _unit(unit, right, 1)


def _unit(unit: ActionUnit, value: float, side: int | None) -> None:
    half = "" if side is None else (", left", ", right")[side]
    slider(
        f"{unit.short} {unit.name}{half}",
        value,
        lambda moved: show(studio.with_unit(current().face, unit.number, moved, side)),
        f"studio {unit.code} {side}",
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        help=described(unit),
    )


def _link(on: bool) -> None:
    keep(linked=on)
    if on:
        show(studio.levelled(current().face))


def _person() -> None:
    face = current().face
    known = st.session_state.get("studio seed")
    number = known if known is not None and studio.person(face, known) == face else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("New person", icon=":material/casino:", on_click=_meet, args=(None,))
        bound(
            st.number_input,
            "Person number",
            number,
            _meet,
            "studio person",
            min_value=0,
            max_value=_LAST_PERSON,
            placeholder="own mix",
            help="The same number always gives the same made-up person.",
        )
    with st.expander("Skin, hair, age", expanded=True):
        for kind, label, name in ((Hair, "Hair", "hair"), (HairColour, "Hair colour", "hair_colour")):
            bound(
                st.selectbox,
                label,
                getattr(face.appearance, name),
                partial(_wear, name),
                f"studio {name}",
                options=list(kind),
                format_func=lambda value: value.capitalize(),
            )
        _knobs(studio_knobs.LOOKS)
    with st.expander("Shape of the face"):
        st.caption("0 is average; −1 and 1 are as rare as can be.")
        _knobs(studio_knobs.SHAPE)


@sweeping
def _meet(number: int | None) -> None:
    """Put a person in: the one of that number, or the next one by chance."""
    if number is None:
        import secrets

        number = secrets.randbelow(_LAST_PERSON + 1)
    st.session_state["studio seed"] = number
    show(studio.person(current().face, number))


def _wear(name: str, value: str) -> None:
    show(put(current().face, "appearance", name, value))


def _number(label: str, help_: str, part: str, name: str) -> None:
    bound(
        st.number_input,
        label,
        getattr(getattr(current().face, part), name),
        lambda value: show(put(current().face, part, name, int(value or 0))),
        f"studio {name}",
        min_value=0,
        max_value=9_999,
        help=help_,
    )


def _knobs(knobs: Iterable[Knob]) -> None:
    face = current().face
    for knob in knobs:
        _knob(knob, face)


def _knob(knob: Knob, face: Face) -> None:
    wide = knob.high - knob.low > 10
    slider(
        knob.label,
        knob.of(face),
        lambda moved: show(knob.turned(current().face, moved)),
        f"studio {knob.key}",
        min_value=knob.low,
        max_value=knob.high,
        step=1.0 if wide else 0.05,
        format=f"%{'.0f' if wide else '.2f'}{knob.unit}",
        help=knob.help,
    )
