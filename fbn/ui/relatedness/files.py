"""Opening, saving, copying, deleting, importing and exporting tables; and what is said of it."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from fbn.errors import FormatError
from fbn.relatedness import Versions
from fbn.relatedness.contents import load_table, table_bytes
from fbn.ui.relatedness import state
from fbn.ui.relatedness.draft import plain, summary
from fbn.ui.relatedness.state import draft, put, workshop
from fbn.ui.widgets import bound


def bar() -> None:
    """Which table is on the page, and what can be done with it."""
    now, history, titles = draft(), draft().history, {label: state.titled(label) for label in state.labels()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="relatedness_bar"):
        bound(
            st.selectbox,
            "Table",
            workshop().open,
            state.open_table,
            f"rel table {workshop().open}",
            options=list(titles),
            format_func=titles.__getitem__,
            help="Built-in tables stay as they are: save your changes under a name of your own.",
            width=260,
        )
        _compare_with()
        undo = f"Takes back: {history.now.words}" if history.past else None
        redo = f"Does again: {history.future[0].words}" if history.future else None
        st.button(
            "Undo",
            icon=":material/undo:",
            on_click=lambda: put(draft().undo()),
            disabled=not undo,
            help=undo,
            key="rel undo",
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            on_click=lambda: put(draft().redo()),
            disabled=not redo,
            help=redo,
            key="rel redo",
        )
        if now.origin == "saved":
            st.button(
                "Save", icon=":material/save:", on_click=_save, disabled=not now.dirty, type="primary", help=_said(now)
            )
        _save_as()
        _more()


def _compare_with() -> None:
    now, others = draft(), [choice for choice in state.choices() if not choice.startswith(workshop().open + " (")]
    bound(
        st.selectbox,
        "Compare with",
        now.against if now.against in others else "",
        lambda choice: put(replace(draft(), against=choice)),
        f"rel against {workshop().open}",
        options=["", *others],
        format_func=lambda choice: choice or f"Before the edit ({now.parent[0]})",
        help="Marks in the table, and what the edit does to a face, are told against this one. Saving changes nothing "
        "about it.",
        width=220,
    )


def _said(now: state.Draft) -> str | None:
    return summary(now.changes, 8) or ("notes" if now.dirty else None)


def _save() -> None:
    state.save(draft().name)


def _save_as() -> None:
    with st.popover(
        "Save as",
        icon=":material/save_as:",
        type="secondary" if draft().origin == "saved" else "primary",
        key="rel save as",
        on_change="rerun",
    ) as place:
        if place.open:
            with st.form("rel save as form", border=False):
                st.text_input("Name", _free_name(), key="rel new name", max_chars=60, help="Letters, digits, - and _.")
                st.text_input("What changed, and why", key="rel new note", placeholder=summary(draft().changes) or None)
                st.form_submit_button("Save under this name", type="primary", on_click=_save_new)


def _save_new() -> None:
    st.session_state["rel save as"] = False
    state.save(st.session_state["rel new name"].strip(), st.session_state["rel new note"].strip())


def _free_name() -> str:
    """The next free name after the table's own."""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in Path(draft().name).stem)[:50]
    taken = state.labels()
    return next(name for i in range(1, 10_000) if (name := f"{stem}-{i}") not in taken)


def _more() -> None:
    now = draft()
    with st.popover("File", icon=":material/folder_open:", key="rel file", on_change="rerun") as place:
        if not place.open:
            return
        st.file_uploader(
            "Open a table (CSV or JSON)", ["csv", "json"], key="rel import", on_change=_import, max_upload_size=1
        )
        stem = Path(workshop().open).stem
        for suffix in ("csv", "json"):
            name = f"{stem}.{suffix}"
            contents = table_bytes(now.table, f".{suffix}")
            st.download_button(
                f"Export as {suffix.upper()}",
                contents,
                name,
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
            )
        if now.origin == "saved":
            st.button("Duplicate", icon=":material/content_copy:", on_click=_duplicate, width="stretch")
            st.button("Delete", icon=":material/delete:", on_click=_delete, width="stretch", help="Can be undone.")
        if now.dirty:
            st.button("Discard the changes", icon=":material/restart_alt:", on_click=_discard, width="stretch")


def _close() -> None:
    st.session_state["rel file"] = False


def _duplicate() -> None:
    _close()
    state.duplicate(_free_name())


def _delete() -> None:
    _close()
    state.delete()


def _discard() -> None:
    _close()
    state.reopen()


def _import() -> None:
    upload = st.session_state["rel import"]
    if upload is None:
        return
    try:
        table = load_table(upload.name, upload.getvalue())
    except FormatError as error:
        state.keep(problem=str(error), said="")
        return
    _close()
    state.add(upload.name, table, "imported")


def messages() -> None:
    """What was done, refused, or stands in the way."""
    shop = workshop()
    if shop.conflict:
        _conflict(shop.open, shop.conflict)
    if shop.problem:
        st.error(shop.problem, icon=":material/error:")
    if shop.said:
        st.success(shop.said, icon=":material/check_circle:")
    if shop.deleted is not None:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"“{shop.deleted.name}” was deleted.", width="stretch")
            st.button("Bring it back", icon=":material/undo:", on_click=state.restore)
            st.button("Dismiss", on_click=lambda: state.keep(deleted=None))


def _conflict(name: str, number: int) -> None:
    theirs = Versions().history(name)[-1]
    table = Versions().load(name)
    told = f" (“{plain(theirs.note)}”)" if theirs.note else ""
    with st.container(border=True):
        st.warning(
            f"Somebody saved version {number} of “{name}” while you edited version {draft().number}. Nothing was "
            f"overwritten, and nothing of yours is lost.",
            icon=":material/group:",
        )
        their_changes = summary(draft().saved.diff(table)) or "notes only"
        st.markdown(f"Theirs{told}: {their_changes}.  \nYours: {summary(draft().changes) or 'notes only'}.")
        with st.container(horizontal=True):
            st.button("Put mine on top of theirs", icon=":material/merge:", on_click=state.reapply, type="primary")
            st.button("Open theirs, drop mine", icon=":material/restart_alt:", on_click=state.reopen)
            st.markdown("or **Save as** under another name.", width="content")
