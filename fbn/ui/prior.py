"""Choosing a relatedness table, for any page."""

import streamlit as st

from fbn.errors import FbnError
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.ui.studio_state import bound

FIRST = "du2014"
_HELP = (
    "Which action units go with which expression. du2014: seen in posed faces. affwild2: read off films. Your own come "
    "from the Relatedness page."
)


def pick_table(key: str) -> RelatednessTable:
    """A built-in table, or the newest version of a saved one; kept where the viewer leaves the page.

    Args:
        key: another one for each page.
    """
    kept = f"{key} name"
    names = (*RelatednessTable.names(), *Versions().names())
    name = st.session_state.get(kept, FIRST)
    chosen = bound(
        st.selectbox,
        "Relatedness table",
        name if name in names else FIRST,
        lambda picked: st.session_state.update({kept: picked}),
        key,
        options=names,
        help=_HELP,
    )
    try:
        return resolve(chosen)
    except FbnError as error:
        st.error(f"The table cannot be read, so {FIRST} is used: {error}")
        return RelatednessTable.named(FIRST)
