"""Coupling lab: what each coupling loss does, in a lesson with figures to play with and a training to watch."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.coupling import page

shell.enter("Coupling lab")
st.markdown(
    "Expressions and action units teach each other through a table. Six steps show how, and how it can go wrong."
)
page.show_lab()
