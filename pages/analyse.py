"""Analyse: predictions for pictures and videos, as a table."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.analyse import page

shell.enter("Analyse")
st.markdown("Pictures or videos in, a table out: one row for each face and frame. Files never leave this machine.")
job = page.choose()
if job is None:
    page.show_instructions()
else:
    page.show(job)
