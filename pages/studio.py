"""Face studio: set action units of a drawn face and see the network's predictions."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.studio import page

shell.enter("Face studio")
st.markdown("A drawn face whose muscles you move: see what changes, and what the network makes of it.")
page.show_studio()
