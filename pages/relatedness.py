"""Relatedness: show, edit, infer and compare tables of the action units of each expression."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.relatedness import page

shell.enter("Relatedness")
st.markdown(
    "A relatedness table says which action units (AUs, movements of certain muscles) go with which expression. "
    "Training couples the tasks through it. Change it here, and see what the change does."
)
page.show_workshop()
