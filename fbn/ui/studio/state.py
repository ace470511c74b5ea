"""The state of one viewer's studio between two runs of the page, and its sliders.

Every slider shows a value of the face, so undo, a preset or a loaded file moves them all.
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
#: The default of ``activity.typical``, too.
_INTENSITY = 0.8


@dataclass(frozen=True)
class Studio:
    """The face with its history, and the settings of presets.

    Attributes:
        history: the face, and earlier ones.
        table: table that presets come from.
        source: name of the built-in or saved table, or of the uploaded file.
        category: the preset chosen last, or None.
        intensity: of presets, in [0, 1].
        linked: whether one slider moves both halves of the face.
        table_problem, face_problem: why the last uploaded file was refused, or "".
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
    """This viewer's studio; a new one shows a smile."""
    if _STATE not in st.session_state:
        table = RelatednessTable.named(DEFAULT_TABLE)
        st.session_state[_STATE] = Studio(History(editing.preset(Face(), table, _FIRST, _INTENSITY)), table)
    state: Studio = st.session_state[_STATE]
    return state


def keep(**changes: Any) -> None:
    """Change the studio."""
    st.session_state[_STATE] = replace(current(), **changes)


def show(face: Face) -> None:
    """Add a face to the history."""
    keep(history=current().history.to(face))


def slider(label: str, value: float, apply: Callable[[float], None], key: str, **how: Any) -> None:
    """A ``controlled`` slider; its values are rounded to three digits, so that a saved face is short."""
    controlled(st.slider, label, value, lambda moved: apply(round(float(moved), 3)), key, **how)
