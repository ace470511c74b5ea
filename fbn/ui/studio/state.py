"""The state of a user's studio between runs of the page, and its sliders.

Every slider shows a value of the face, so undo, a preset or a loaded file moves all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from fbn.history import History
from fbn.relatedness import RelatednessTable
from fbn.synthetic import editing
from fbn.synthetic.parameters import Face
from fbn.ui.widgets import controlled

_STATE = "studio"
DEFAULT_TABLE = "du2014"
_FIRST = "happiness"
#: Also the default of ``activity.typical``.
_INTENSITY = 0.8


@dataclass(frozen=True)
class Studio:
    """The face with its history, and the settings of presets.

    Attributes:
        history: the face, and earlier ones.
        table: relatedness table of the presets.
        source: name of the built-in or saved table, or of the uploaded file.
        category: the last preset, or None.
        intensity: intensity of presets, in [0, 1].
        linked: whether one slider moves both halves of the face.
        table_problem, face_problem: error message of the last uploaded file, or "".
    """

    history: History[Face]
    table: RelatednessTable
    source: str = DEFAULT_TABLE
    category: str | None = _FIRST
    intensity: float = _INTENSITY
    linked: bool = True
    table_problem: str = ""
    face_problem: str = ""

    @property
    def face(self) -> Face:
        """The current face."""
        return self.history.now


def current() -> Studio:
    """Return this user's studio; a new one shows a smile."""
    if _STATE not in st.session_state:
        table = RelatednessTable.named(DEFAULT_TABLE)
        st.session_state[_STATE] = Studio(History(editing.preset(Face(), table, _FIRST, _INTENSITY)), table)
    state: Studio = st.session_state[_STATE]
    return state


def update(**changes: Any) -> None:
    """Change attributes of the studio."""
    st.session_state[_STATE] = replace(current(), **changes)


def show(face: Face) -> None:
    """Add a face to the history."""
    update(history=current().history.to(face))


def slider(label: str, value: float, apply: Callable[[float], None], key: str, **options: Any) -> None:
    """Draw a ``controlled`` slider; its values are rounded to three digits, which keeps saved faces short."""
    controlled(st.slider, label, value, lambda moved: apply(round(float(moved), 3)), key, **options)
