"""Choosing a relatedness table, for any page."""

import streamlit as st

from fbn.errors import FbnError, FormatError
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.ui.widgets import bound
from fbn.vocabulary import EXPRESSIONS

FIRST = "du2014"
_HELP = (
    "Which action units go with which expression. du2014: seen in posed faces. affwild2: read off films. rafce: coded "
    "by people on web pictures. Your own come from the Relatedness page."
)


def picked(key: str) -> str:
    """Name of the table that ``pick_table`` shows."""
    return str(st.session_state.get(f"{key} name", FIRST))


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
        table = resolve(chosen)
        if missing := [name for name in EXPRESSIONS if name not in table.categories]:
            raise FormatError(f"it has no row for {', '.join(missing)}, which the couplings need")
    except FbnError as error:
        st.error(f"{chosen} cannot be used, so {FIRST} is: {error}")
        return RelatednessTable.named(FIRST)
    return table
