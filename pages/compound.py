"""Compound: name mixed expressions such as "happily surprised", and teach a network yours with a few pictures."""

import streamlit as st

from fbn.ui import compound_page, shell

shell.enter("Compound expressions")
st.markdown(
    "A face can be *happily surprised* or *sadly angry*. A network names such mixtures without having seen one "
    "(zero-shot); with a few labelled pictures it learns yours (few-shot)."
)
compound_page.show_compound()
