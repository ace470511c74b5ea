"""Coupling lab: a lesson on the coupling losses with interactive plots and a live training."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.coupling import page

shell.enter("Coupling lab")
st.markdown("Two tasks of one network teach each other through a table. Seven steps show how, and how it can go wrong.")
page.show_lab()
