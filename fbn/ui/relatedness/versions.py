"""What differs between any two tables, and the saved versions of the one on the page."""

from functools import partial

import streamlit as st

from fbn.errors import FbnError
from fbn.relatedness import Version, Versions
from fbn.ui.relatedness import draft as logic
from fbn.ui.relatedness import marks, sheets, state
from fbn.ui.relatedness.files import messages
from fbn.ui.relatedness.heatmap import heatmap
from fbn.ui.relatedness.state import choices, draft, table_of, usual, workshop
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, EXPRESSIONS


def versions_view() -> None:
    """The comparison, and the history."""
    messages()
    comparison, history = st.columns([13, 7], gap="large")
    with comparison:
        _comparison()
    with history:
        _history()


def _comparison() -> None:
    names = choices()
    label, (before, after) = workshop().open, usual()
    with st.container(horizontal=True):
        first = st.selectbox("From", names, names.index(before), key=f"rel diff from {label}")
        second = st.selectbox("To", names, names.index(after), key=f"rel diff to {label}")
    try:
        old, new = table_of(first), table_of(second)
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    changes = old.diff(new)
    st.markdown(logic.told(changes))
    if not changes:
        return
    compounds = any(change.category not in EXPRESSIONS for change in changes)
    heatmap(sheets.sheet_of_changes(old, new, compounds), f"From {first} to {second}", "rel diff heatmap")
    st.html(marks.CHANGE_SIGNS)
    with st.expander("As a list", expanded=len(changes) <= 12):
        st.dataframe(
            {
                "Expression": [change.category.capitalize() for change in changes],
                "AU": [change.action_unit for change in changes],
                "Name": [ACTION_UNIT_BY_NUMBER[change.action_unit].name for change in changes],
                "From": [change.before for change in changes],
                "To": [change.after for change in changes],
            },
            hide_index=True,
            placeholder="none",
        )


def _history() -> None:
    now = draft()
    st.markdown(f"**Saved versions of “{now.name}”**" if now.origin == "saved" else "**Saved versions**")
    if now.origin != "saved":
        what = "A built-in table never changes" if now.origin == "built in" else "This table is not saved yet"
        st.caption(f"{what}. Under Edit, “Save as” keeps it under a name of your own; its versions are listed here.")
        return
    try:
        saved = Versions().history(now.name)
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    with st.container(height=520 if len(saved) > 5 else "content", border=False):
        for version in reversed(saved):
            _version(version, newest=version is saved[-1], opened=version.number == now.number)


def _version(version: Version, newest: bool, opened: bool) -> None:
    when = f"{version.saved.astimezone():%d %b %Y, %H:%M}"
    mark = " · newest" if newest else ""
    with st.container(border=True):
        st.markdown(f"**Version {version.number}**{mark}{' · on the page' if opened else ''}  \n:gray[{when}]")
        if version.note:
            st.markdown(logic.plain(version.note))
        if not newest:
            st.button(
                "Bring this one back",
                icon=":material/history:",
                key=f"rel revert {version.number}",
                on_click=partial(state.revert, version.number),
                help="Saves it again as the newest version; nothing is lost. Unsaved changes are dropped.",
            )
