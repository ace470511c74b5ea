"""Face studio: move one action unit, see the face and what the network reads."""

import streamlit as st

from fbn.ui import shell
from fbn.ui.studio import page

shell.enter("Face studio")
st.markdown("A drawn face whose muscles you move: see what changes, and what the network makes of it.")
page.show_studio()
