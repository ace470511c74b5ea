"""What one viewer's studio holds between two runs of the page, and its sliders.

The face is the one truth; widgets follow it. So undo, a preset or a loaded file move every slider by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from fbn.history import History
from fbn.relatedness import RelatednessTable
from fbn.synthetic.parameters import Face
from fbn.ui.studio import face as studio
from fbn.ui.widgets import bound

_STATE = "studio"
DEFAULT_TABLE = "du2014"
_FIRST = "happiness"
#: What ``typical`` draws by default, too.
_INTENSITY = 0.8


@dataclass(frozen=True)
class Studio:
    """The face with its history, and how presets are made.

    Attributes:
        history: the face, and those before it.
        table: presets come from here.
        source: the built-in or saved table's name, or the uploaded file's.
        category: the preset chosen last, or None.
        intensity: of presets, in [0, 1].
        linked: one slider moves both halves of the face.
        table_problem, face_problem: what was wrong with the file given last, or "".
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
        """The face as it is now."""
        return self.history.now


def current() -> Studio:
    """This viewer's studio; a new one smiles, so that there is something to see and to read."""
    if _STATE not in st.session_state:
        table = RelatednessTable.named(DEFAULT_TABLE)
        st.session_state[_STATE] = Studio(History(studio.preset(Face(), table, _FIRST, _INTENSITY)), table)
    kept: Studio = st.session_state[_STATE]
    return kept


def keep(**changes: Any) -> None:
    """Change the studio."""
    st.session_state[_STATE] = replace(current(), **changes)


def show(face: Face) -> None:
    """One step on in the history."""
    keep(history=current().history.to(face))


def slider(label: str, value: float, apply: Callable[[float], None], key: str, **how: Any) -> None:
    """A ``bound`` slider; numbers are kept to three digits, so that a saved face is short."""
    bound(st.slider, label, value, lambda moved: apply(round(float(moved), 3)), key, **how)
