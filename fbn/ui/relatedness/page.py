"""The Relatedness page: its views, each a fragment, so that a click redraws nothing else."""

import streamlit as st

from fbn.ui.relatedness import marks
from fbn.ui.relatedness.edit import edit_view
from fbn.ui.relatedness.face import face_view
from fbn.ui.relatedness.infer import infer_view
from fbn.ui.relatedness.state import FIRST, OPEN, VIEW, keep, labels, open_table, workshop
from fbn.ui.relatedness.training import COMPARISONS, training_view
from fbn.ui.relatedness.versions import versions_view
from fbn.ui.widgets import drawn, pick, place


def show_workshop() -> None:
    """The views of the page."""
    st.html(marks.STYLE)
    if not drawn(VIEW):
        _forget()
    if (wanted := place("table", OPEN, labels(), FIRST, "table", VIEW)) != workshop().open:
        open_table(wanted)
    views = {
        "Edit": edit_view,
        "Versions": versions_view,
        "Infer": infer_view,
        "On a face": face_view,
        "Training": training_view,
    }
    view = place("view", VIEW, list(views), "Edit", "view")
    pick(st.segmented_control, "View", VIEW, _forget, options=list(views), required=True, label_visibility="collapsed")
    st.fragment(views[view])()


def _forget() -> None:
    """What was said belongs to the view in which it was done."""
    keep(said="", problem="")
    COMPARISONS.refuse("")
