"""Compound: zero-shot and few-shot recognition of compound expressions such as "happily surprised"."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.compound import page

shell.enter("Compound expressions")
st.markdown(
    "Name mixed expressions such as *happily surprised*: untaught (zero-shot), or after a few labelled pictures "
    "(few-shot)."
)
page.show_compound()
