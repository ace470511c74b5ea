"""The Compound page: which set of pictures is open, and its views, each a fragment."""

from functools import partial

import streamlit as st

from fbn.errors import FbnError
from fbn.ui.compound import marks
from fbn.ui.compound.label import label_view
from fbn.ui.compound.new import drawing, ways_in
from fbn.ui.compound.overview import overview
from fbn.ui.compound.sets import Sets
from fbn.ui.compound.state import DELETED, OPEN, STARTING, VIEW, fresh, open_set, refuse, said
from fbn.ui.compound.training import LEARNT, training_view
from fbn.ui.widgets import drawn, pick, place

_VIEWS = {"Pictures": overview, "Label": label_view, "Train": training_view}


def show_compound() -> None:
    """The set that is open, or the ways to one."""
    st.html(marks.STYLE)
    try:
        sets = Sets()
        names = sets.names()
    except (FbnError, OSError) as error:
        st.error(f"The folder of sets cannot be used: {error}", icon=":material/error:")
        return
    if "compound path" not in st.session_state and not drawn(VIEW):
        fresh()()  # what was said before the viewer left the page
    drawing()
    said()
    _deleted(sets)
    place("set", OPEN, names, names[0] if names else "", "set of pictures")
    if not names or st.session_state.get(STARTING):
        ways_in(sets, first=not names)
        return
    view = place("view", VIEW, list(_VIEWS), next(iter(_VIEWS)), "view")
    try:
        chosen = sets.open(_bar(names))
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    pick(
        st.segmented_control,
        "View",
        VIEW,
        fresh(partial(LEARNT.refuse, "")),
        options=list(_VIEWS),
        required=True,
        label_visibility="collapsed",
    )
    st.fragment(_VIEWS[view])(chosen)


def _bar(names: list[str]) -> str:
    """Which set, and how to get another."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        pick(st.selectbox, "Set of pictures", OPEN, fresh(), options=names, width=240)
        st.button("New set", icon=":material/add:", on_click=fresh(partial(st.session_state.update, {STARTING: True})))
    return str(st.session_state[OPEN])


def _deleted(sets: Sets) -> None:
    if not (token := st.session_state.get(DELETED)):
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown("The set was put aside with its labels.", width="stretch")
        st.button("Bring it back", icon=":material/undo:", on_click=fresh(partial(_restore, sets, token)))
        st.button("Dismiss", on_click=partial(st.session_state.pop, DELETED))


def _restore(sets: Sets, token: str) -> None:
    try:
        open_set(sets.restore(token))
        del st.session_state[DELETED]
    except FbnError as error:
        refuse(str(error))
