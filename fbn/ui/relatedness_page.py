"""The Relatedness page: its views, each a fragment, so that a click redraws nothing else."""

import streamlit as st

from fbn.ui import relatedness_marks
from fbn.ui.relatedness_edit import edit_view
from fbn.ui.relatedness_face import face_view
from fbn.ui.relatedness_infer import infer_view
from fbn.ui.relatedness_training import training_view
from fbn.ui.relatedness_versions import versions_view


def show_workshop() -> None:
    """The views of the page."""
    st.html(relatedness_marks.STYLE)
    views = {
        "Edit": edit_view,
        "Versions": versions_view,
        "Infer": infer_view,
        "On a face": face_view,
        "Training": training_view,
    }
    view = st.segmented_control(
        "View", list(views), default="Edit", required=True, key="rel view", label_visibility="collapsed"
    )
    st.fragment(views[view or "Edit"])()
