"""Compound: name mixed expressions such as "happily surprised", and teach a network yours with a few pictures."""

import streamlit as st

from fbn.ui import compound_page, shell

shell.enter("Compound expressions")
st.markdown(
    "A face can be *happily surprised* or *sadly angry*. The network names such mixtures without having learned any "
    "(zero-shot); a few labelled pictures make it better (few-shot)."
)
compound_page.show_compound()
