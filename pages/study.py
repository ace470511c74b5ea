"""Study: do the couplings pay? The papers' case study, run here with seeds and intervals."""

import streamlit as st

from fbn.ui import shell, study_page

shell.enter("Study")
st.markdown(
    "Single-task, uncoupled and coupled networks, trained on the same pictures: do the papers' coupling losses pay? "
    "Every difference with its interval, whatever came out."
)
study_page.show_study()
