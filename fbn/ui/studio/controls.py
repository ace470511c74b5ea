"""The studio's controls: sliders for action units, the person, head and light, the camera."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from fbn.synthetic import editing
from fbn.synthetic.parameters import Face, Hair, HairColour, Identity
from fbn.ui.html import au_tooltip
from fbn.ui.studio.state import current, show, slider, update
from fbn.ui.widgets import choose_one, controlled, keep_user_changes
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, REGIONS, ActionUnit

_GROUPS = ("Action units", "Person", "Scene", "Camera")
_UNIT_HELP = (
    "Action units (AU) are visible movements of the face, each by certain muscles, numbered in the Facial Action "
    "Coding System (FACS). Intensity: 0 is not there, 1 as strong as it gets; a coder calls it there from 0.5 on."
)
_LINK_HELP = "On: one slider moves both halves of the face. Off: each half has its own. Left is the person's left."
_LAST_PERSON = 9_999


@dataclass(frozen=True)
class Knob:
    """A number of a face, other than an AU, and its slider.

    Attributes:
        part, name: a field of ``Face``, and a field of that field.
        label, help: label and help text of the slider.
        low, high: range of the value.
        index: index in a pair; None for a single number.
        unit: unit of the value, e.g. ``"°"``.
    """

    part: str
    name: str
    label: str
    help: str
    low: float = 0.0
    high: float = 1.0
    index: int | None = None
    unit: str = ""

    @property
    def key(self) -> str:
        """A unique key."""
        return ".".join(str(part) for part in (self.part, self.name, self.index) if part is not None)

    def value_in(self, face: Face) -> float:
        """Return the value in a face."""
        value = getattr(getattr(face, self.part), self.name)
        return float(value if self.index is None else value[self.index])

    def set_in(self, face: Face, value: float) -> Face:
        """Return the face with another value."""
        if self.index is None:
            return put(face, self.part, self.name, value)
        pair = list(getattr(getattr(face, self.part), self.name))
        pair[self.index] = value
        return put(face, self.part, self.name, tuple(pair))


def put(face: Face, part: str, name: str, value: Any) -> Face:
    """Return the face with another value of ``face.part.name``."""
    changed = getattr(face, part).model_copy(update={name: value})
    return face.model_copy(update={part: changed})


_ENDS = "0 is average; −1 and 1 are as rare as can be."

SHAPE = tuple(
    Knob("identity", name, name.replace("_", " ").capitalize(), _ENDS, low=-1.0) for name in Identity.model_fields
)
LOOKS = (
    Knob("appearance", "melanin", "Skin colour", "Melanin: 0 palest, 1 darkest."),
    Knob("appearance", "redness", "Redness", "Blood under the skin: 0 sallow, 1 flushed."),
    Knob("appearance", "age", "Age", "Lines and sag that stay at rest: 0 young, 1 old."),
    Knob("appearance", "iris", "Eye colour", "0 dark brown, 1 light blue."),
    Knob("appearance", "beard", "Beard", "0 shaved, 0.3 stubble, 1 full."),
    Knob("appearance", "moustache", "Moustache", "0 none, 1 full."),
    Knob("appearance", "glasses", "Glasses", "0 none; above that, how thick the rim is."),
    Knob("appearance", "lipstick", "Lipstick", "0 none, 1 strong."),
    Knob("appearance", "make_up", "Eye make-up", "Shadow and lashes: 0 none, 1 strong."),
)
HEAD = (
    Knob("scene", "yaw", "Turn (yaw)", "Positive turns the nose to the picture's right.", -45.0, 45.0, unit="°"),
    Knob("scene", "pitch", "Nod (pitch)", "Positive lowers the nose.", -30.0, 30.0, unit="°"),
    Knob("scene", "roll", "Tilt (roll)", "Positive tilts clockwise in the picture.", -45.0, 45.0, unit="°"),
    Knob("scene", "gaze", "Gaze, sideways", "Of the eyes in the head; 1 is far to the picture's right.", -1.0, index=0),
    Knob("scene", "gaze", "Gaze, down", "Of the eyes in the head; 1 is as far down as eyes go.", -1.0, index=1),
    Knob("scene", "blink", "Blink", "0 open, 1 closed."),
)
LIGHT = (
    Knob("scene", "light", "Lamp, sideways", "Azimuth: negative from the left.", -90.0, 90.0, 0, "°"),
    Knob("scene", "light", "Lamp, height", "Elevation: negative from above.", -90.0, 90.0, 1, "°"),
    Knob("scene", "hardness", "Hardness", "0 light from everywhere, 1 one lamp alone."),
    Knob("scene", "warmth", "Warmth", "−1 bluish, 1 reddish.", -1.0),
)
CAMERA = (
    Knob(
        "camera", "zoom", "Zoom", "1 is as the network sees a face; below that, from further away.", 0.4, 1.6, unit="×"
    ),
    Knob("camera", "shift", "Shift, sideways", "In shares of the picture's side.", -0.5, 0.5, 0),
    Knob("camera", "shift", "Shift, down", "In shares of the picture's side.", -0.5, 0.5, 1),
    Knob("camera", "exposure", "Exposure", "−1 dark, 1 bright.", -1.0),
    Knob("camera", "blur", "Blur", "0 sharp, 1 strong."),
    Knob("camera", "noise", "Noise", "Grain of a poor sensor: 0 none, 1 strong."),
    Knob("camera", "compression", "Compression", "JPEG blocks: 0 none, 1 strong."),
)


def controls() -> None:
    """Draw the controls of the chosen group."""
    group = choose_one("Change", _GROUPS, "studio_group", label_visibility="collapsed")
    with st.container(key="studio_knobs", gap="xsmall"):
        if group == "Person":
            _person()
        elif group == "Scene":
            _knobs(HEAD)
            st.markdown("**Light**")
            _knobs(LIGHT)
            controlled(
                st.number_input,
                "Background",
                current().face.scene.background,
                lambda number: _put("scene", "background", int(number or 0)),
                "studio background",
                min_value=0,
                max_value=9_999,
                help="Which of many rooms, walls and skies stands behind.",
            )
        elif group == "Camera":
            _knobs(CAMERA)
            controlled(st.toggle, "Gray", current().face.camera.gray, partial(_put, "camera", "gray"), "studio gray")
        else:
            _units()


def _units() -> None:
    state = current()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**Intensity**, 0 … 1", help=_UNIT_HELP, width="content")
        controlled(st.toggle, "Left = right", state.linked, _link, "studio linked", help=_LINK_HELP)
    for region, numbers in REGIONS.items():
        st.html(f'<div class="fbn-head">{region}</div>')
        for unit in (ACTION_UNITS[AU_INDEX[number]] for number in numbers):
            left, right = state.face.action_units[AU_INDEX[unit.number]]
            # halves with different values always have separate sliders
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
        lambda moved: show(editing.with_unit(current().face, unit.number, moved, side)),
        f"studio {unit.code} {side}",
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        help=au_tooltip(unit),
    )


def _link(on: bool) -> None:
    update(linked=on)
    if on:
        show(editing.symmetric(current().face))


def _person() -> None:
    face = current().face
    seed = st.session_state.get("studio seed")
    number = seed if seed is not None and editing.person(face, seed) == face else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("New person", icon=":material/casino:", on_click=_show_person, args=(None,))
        controlled(
            st.number_input,
            "Person number",
            number,
            _show_person,
            "studio person",
            min_value=0,
            max_value=_LAST_PERSON,
            placeholder="own mix",
            help="The same number always gives the same made-up person.",
        )
    with st.expander("Skin, hair, age", expanded=True):
        for kind, label, name in ((Hair, "Hair", "hair"), (HairColour, "Hair colour", "hair_colour")):
            controlled(
                st.selectbox,
                label,
                getattr(face.appearance, name),
                partial(_put, "appearance", name),
                f"studio {name}",
                options=list(kind),
                format_func=lambda value: value.capitalize(),
            )
        _knobs(LOOKS)
    with st.expander("Shape of the face"):
        st.caption("0 is average; −1 and 1 are as rare as can be.")
        _knobs(SHAPE)


@keep_user_changes
def _show_person(number: int | None) -> None:
    """Show another person; a random one if ``number`` is None."""
    if number is None:
        number = secrets.randbelow(_LAST_PERSON + 1)
    st.session_state["studio seed"] = number
    show(editing.person(current().face, number))


def _put(part: str, name: str, value: Any) -> None:
    show(put(current().face, part, name, value))


def _knobs(knobs: Iterable[Knob]) -> None:
    for knob in knobs:
        _knob(knob)


def _knob(knob: Knob) -> None:
    wide = knob.high - knob.low > 10
    slider(
        knob.label,
        knob.value_in(current().face),
        lambda moved: show(knob.set_in(current().face, moved)),
        f"studio {knob.key}",
        min_value=knob.low,
        max_value=knob.high,
        step=1.0 if wide else 0.05,
        format=f"%{'.0f' if wide else '.2f'}{knob.unit}",
        help=knob.help,
    )
