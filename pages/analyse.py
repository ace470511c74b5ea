"""Analyse: pictures and videos, read into a table."""

import streamlit as st

from fbn.ui import analyse_page, shell

shell.enter("Analyse")
st.markdown("Pictures or videos in, a table out: one row for each face and frame. Files never leave this machine.")
job = analyse_page.choose()
if job is None:
    analyse_page.nothing_yet()
else:
    analyse_page.show(job)
