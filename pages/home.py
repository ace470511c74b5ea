"""Home: an introduction and links to the pages."""

import streamlit as st

from fbn.ui import home, shell

shell.enter("FaceBehaviorNet")
st.markdown(
    "One network reads three things from a face at once: its **expression**, its **action units** (which muscles "
    "move), and **valence and arousal** (how pleasant and how excited it looks)."
)
home.page_cards()
home.example()
