"""Study: whether coupling losses improve the predictions; the papers' case studies with seeds and intervals."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.study import page

shell.enter("Study")
st.markdown(
    "Networks that learn tasks one by one, together, or together with losses that tie them by a table, such as "
    "expressions and action units, or people and their attributes: which reads faces better? Every figure's difference "
    "with its interval, whatever came out."
)
page.show_study()
