"""Coupling lab: a lesson on the coupling losses with interactive plots and a live training."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.coupling import page

shell.enter("Coupling lab")
st.markdown(
    "Expressions and action units teach each other through a table. Six steps show how, and how it can go wrong."
)
page.show_lab()
