"""Study: whether coupling losses improve the predictions; the papers' case study with seeds and intervals."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.study import page

shell.enter("Study")
st.markdown(
    "Networks that learn expressions, action units and valence and arousal one by one, together, or together with "
    "losses that tie them by a table: which reads faces better? Every figure's difference with its interval, whatever "
    "came out."
)
page.show_study()
