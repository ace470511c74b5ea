"""Coupling lab: what each coupling loss does, in a lesson with figures to play with and a training to watch."""

import streamlit as st

from fbn.ui import coupling_page, shell

shell.enter("Coupling lab")
st.markdown(
    "Expressions and action units teach each other through a table. Six steps show how, and how it can go wrong."
)
coupling_page.show_lab()
