"""The tables of a user's session: open, save, copy, delete, import and export them; and their saved versions."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fbn.errors import FbnError, FormatError
from fbn.relatedness import Change, Note, Version, Versions
from fbn.relatedness.draft import Draft, describe_changes, summarise
from fbn.relatedness.formats import title
from fbn.relatedness.notes import Column
from fbn.relatedness.versions import MAX_MEGABYTES, load_table, table_bytes
from fbn.relatedness.workshop import FIRST, Workshop
from fbn.ui.relatedness.heatmap import heatmap, sheet_of_changes
from fbn.ui.widgets import controlled, escape_markdown, update_url
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, EXPRESSIONS

_STATE = "relatedness"
#: Keys of the session's state: the view and the table on the page, choices of ``widgets.sync_with_url``.
VIEW, OPEN = "rel view", "relatedness table"


def workshop() -> Workshop:
    """Return the session's tables; a new session opens a built-in one."""
    if _STATE not in st.session_state:
        st.session_state[_STATE] = Workshop().open_table(FIRST)
    shop: Workshop = st.session_state[_STATE]
    return shop


def set_workshop(shop: Workshop) -> None:
    """Set the session's tables, and update the URL."""
    st.session_state[_STATE] = shop
    if st.session_state.get(OPEN) != shop.open:
        st.session_state[OPEN] = shop.open
        update_url(OPEN)


def act(change: Callable[..., Workshop], *args: Any) -> None:
    """Apply a method of ``Workshop``; its errors are shown on the page."""
    try:
        set_workshop(change(workshop(), *args))
    except FbnError as error:
        set_workshop(replace(workshop(), problem=str(error), message=""))


def act_on(label: str, change: Callable[..., Workshop], *args: Any) -> None:
    """Call ``act`` for the table of the widget.

    Another table may be open now: Streamlit collects all clicks during a run for the next one.
    """
    if label in workshop().drafts:
        act(lambda shop: change(replace(shop, open=label), *args))


def edit(label: str, change: Callable[..., Draft], *args: Any) -> None:
    """Apply a method of ``Draft`` to the table of the widget; another one may be open now."""
    act(lambda shop: shop.edit(label, change, *args))


def note_form(label: str, category: str, column: Column, note: Note) -> None:
    """Draw the note of a cell, and a form to change it."""
    is_new, key = note == Note(), f"rel note {label} {category} {column} {note}"
    if not is_new:
        signed = ", ".join(escape_markdown(part) for part in (note.who, note.source) if part)
        st.caption(f"Note: {escape_markdown(note.why)}" + (f" ({signed})" if signed else ""))

    def save_note() -> None:
        parts = (st.session_state[f"{key} {part}"].strip() for part in ("who", "why", "source"))
        edit(label, Draft.with_note, category, column, Note(*parts))

    with (
        st.popover("Add a note" if is_new else "Change the note", icon=":material/edit_note:", width="stretch"),
        st.form(key, border=False),
    ):
        st.text_input("Who", note.who, key=f"{key} who", max_chars=100, placeholder="your name or initials")
        st.text_area("Why", note.why, key=f"{key} why", max_chars=1000, placeholder="what speaks for this weight")
        st.text_input("Source", note.source, key=f"{key} source", max_chars=300, placeholder="a paper, a data set")
        st.form_submit_button("Keep the note", on_click=save_note)
        st.caption("Empty all three to remove it.")


def toolbar() -> None:
    """Draw the picker of tables, and buttons for the open one."""
    shop, draft = workshop(), workshop().draft
    titles = {label: shop.title(label) for label in shop.labels()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="relatedness_bar"):
        controlled(
            st.selectbox,
            "Table",
            shop.open,
            partial(act, Workshop.open_table),
            f"rel table {shop.open}",
            options=list(titles),
            format_func=titles.__getitem__,
            help="Built-in tables stay as they are: save your changes under a name of your own.",
            width=260,
        )
        if draft.table.of_expressions:
            _compare_with(shop)
        past, future = draft.history.past, draft.history.future
        _step("Undo", Draft.undo, f"Takes back: {draft.history.now.description}" if past else None)
        _step("Redo", Draft.redo, f"Does again: {future[0].description}" if future else None)
        if draft.origin == "saved":
            st.button(
                "Save",
                icon=":material/save:",
                on_click=lambda: act_on(shop.open, Workshop.save, draft.name),
                disabled=not draft.dirty,
                type="primary",
                help=summarise(draft.changes, 8) or ("notes" if draft.dirty else None),
            )
        _save_as(shop.open, draft)
        _file_menu(shop.open, draft)


def _compare_with(shop: Workshop) -> None:
    draft, others = shop.draft, [choice for choice in shop.choices() if not choice.startswith(f"{shop.open} (")]
    controlled(
        st.selectbox,
        "Compare with",
        draft.compare_with if draft.compare_with in others else "",
        lambda choice: edit(shop.open, lambda now: replace(now, compare_with=choice)),
        f"rel against {shop.open}",
        options=["", *others],
        format_func=lambda choice: choice or f"Before the edit ({draft.parent[0]})",
        help="Marks in the table, and what the edit does to a face, are told against this one. Saving changes nothing "
        "about it.",
        width=220,
    )


def _step(label: str, step: Callable[[Draft], Draft], tip: str | None) -> None:
    st.button(
        label,
        icon=f":material/{label.lower()}:",
        on_click=partial(edit, workshop().open, step),
        disabled=not tip,
        help=tip,
        key=f"rel {label.lower()}",
    )


def _save_as(label: str, draft: Draft) -> None:
    with st.popover(
        "Save as",
        icon=":material/save_as:",
        type="secondary" if draft.origin == "saved" else "primary",
        key="rel save as",
        on_change="rerun",
    ) as menu:
        if menu.open:
            with st.form("rel save as form", border=False):
                st.text_input(
                    "Name", _free_name(draft), key="rel new name", max_chars=60, help="Letters, digits, - and _."
                )
                st.text_input("What changed, and why", key="rel new note", placeholder=summarise(draft.changes) or None)
                st.form_submit_button("Save under this name", type="primary", on_click=_save_new, args=(label,))


def _save_new(label: str) -> None:
    st.session_state["rel save as"] = False
    act_on(label, Workshop.save, st.session_state["rel new name"].strip(), st.session_state["rel new note"].strip())


def _free_name(draft: Draft) -> str:
    """Return the table's name with the lowest free number."""
    stem = Path(draft.name).stem
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in stem)[:50]
    taken = workshop().labels()
    return next(name for i in range(1, 10_000) if (name := f"{stem}-{i}") not in taken)


def _file_menu(label: str, draft: Draft) -> None:
    with st.popover("File", icon=":material/folder_open:", key="rel file", on_change="rerun") as menu:
        if not menu.open:
            return
        st.file_uploader(
            "Open a table (CSV or JSON)",
            ["csv", "json"],
            key="rel import",
            on_change=_import,
            max_upload_size=MAX_MEGABYTES,
        )
        for suffix in ("csv", "json"):
            st.download_button(
                f"Export as {suffix.upper()}",
                table_bytes(draft.table, f".{suffix}"),
                f"{Path(label).stem}.{suffix}",
                icon=":material/download:",
                on_click="ignore",
                width="stretch",
            )
        if draft.origin == "saved":
            _entry("Duplicate", "content_copy", lambda: act_on(label, Workshop.duplicate, _free_name(draft)))
            _entry("Delete", "delete", lambda: act_on(label, Workshop.delete), "Can be undone.")
        if draft.dirty:
            _entry("Discard the changes", "restart_alt", lambda: act_on(label, Workshop.reopen))


def _entry(label: str, icon: str, apply: Callable[[], None], tip: str | None = None) -> None:
    def clicked() -> None:
        st.session_state["rel file"] = False
        apply()

    st.button(label, icon=f":material/{icon}:", on_click=clicked, width="stretch", help=tip)


def _import() -> None:
    upload = st.session_state["rel import"]
    if upload is None:
        return
    try:
        table = load_table(upload.name, upload.getvalue())
    except FormatError as error:
        set_workshop(replace(workshop(), problem=str(error), message=""))
        return
    st.session_state["rel file"] = False
    act(Workshop.add, upload.name, table, "imported")


def show_messages() -> None:
    """Show messages, errors, and a conflict with another user's version."""
    shop = workshop()
    if shop.conflict:
        _conflict(shop)
    if shop.problem:
        st.error(shop.problem, icon=":material/error:")
    if shop.message:
        st.success(shop.message, icon=":material/check_circle:")
    if shop.deleted is not None:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"“{shop.deleted.name}” was deleted.", width="stretch")
            st.button("Bring it back", icon=":material/undo:", on_click=lambda: act(Workshop.restore))
            st.button("Dismiss", on_click=lambda: set_workshop(replace(workshop(), deleted=None)))


def _conflict(shop: Workshop) -> None:
    version, table = Versions().history(shop.open)[-1], Versions().load(shop.open)
    note = f" (“{escape_markdown(version.note)}”)" if version.note else ""
    with st.container(border=True):
        st.warning(
            f"Somebody saved version {shop.conflict} of “{shop.open}” while you edited version {shop.draft.number}. "
            f"Nothing was overwritten, and nothing of yours is lost.",
            icon=":material/group:",
        )
        theirs, yours = summarise(shop.draft.saved.diff(table)), summarise(shop.draft.changes)
        st.markdown(f"Theirs{note}: {theirs or 'notes only'}.  \nYours: {yours or 'notes only'}.")
        with st.container(horizontal=True):
            merge, reopen = (partial(act_on, shop.open, way) for way in (Workshop.reapply, Workshop.reopen))
            st.button("Put mine on top of theirs", icon=":material/merge:", on_click=merge, type="primary")
            st.button("Open theirs, drop mine", icon=":material/restart_alt:", on_click=reopen)
            st.markdown("or **Save as** under another name.", width="content")


def versions_view() -> None:
    """Show the differences between two tables, and the saved versions of the open one."""
    show_messages()
    comparison, history = st.columns([13, 7], gap="large")
    with comparison:
        _comparison()
    with history:
        _history()


def _comparison() -> None:
    label, kind = workshop().open, workshop().draft.table.of_expressions
    names, (before, after) = workshop().choices(kind), workshop().usual_pair(kind)
    with st.container(horizontal=True):
        first = st.selectbox("From", names, names.index(before), key=f"rel diff from {label}")
        second = st.selectbox("To", names, names.index(after), key=f"rel diff to {label}")
    try:
        old, new = workshop().table_of(first), workshop().table_of(second)
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    changes = old.diff(new)
    st.markdown(describe_changes(changes))
    if not changes:
        return
    if old.of_expressions and new.of_expressions:
        compounds = any(change.category not in EXPRESSIONS for change in changes)
        heatmap(sheet_of_changes(old, new, compounds), f"From {first} to {second}", "rel diff heatmap")
    with st.expander("As a list", expanded=len(changes) <= 12):
        st.dataframe(_listed(changes), hide_index=True, placeholder="none")


def _listed(changes: Sequence[Change]) -> pd.DataFrame:
    """Return the changed cells as a table."""
    frame = pd.DataFrame([astuple(change) for change in changes], columns=["Row", "Column", "From", "To"])
    frame.insert(2, "Name", [ACTION_UNIT_BY_NUMBER[c].name if isinstance(c, int) else "" for c in frame["Column"]])
    frame["Column"] = frame["Column"].map(title)
    if not frame["Name"].any():
        return frame.drop(columns="Name")
    return frame.assign(Row=frame["Row"].str.capitalize()).rename(columns={"Row": "Expression", "Column": "AU"})


def _history() -> None:
    draft = workshop().draft
    st.markdown(f"**Saved versions of “{draft.name}”**" if draft.origin == "saved" else "**Saved versions**")
    if draft.origin != "saved":
        reason = "A built-in table never changes" if draft.origin == "built in" else "This table is not saved yet"
        st.caption(f"{reason}. Under Edit, “Save as” keeps it under a name of your own; its versions are listed here.")
        return
    try:
        saved = Versions().history(draft.name)
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    with st.container(height=520 if len(saved) > 5 else "content", border=False):
        for version in reversed(saved):
            _version(version, newest=version is saved[-1], opened=version.number == draft.number)


def _version(version: Version, newest: bool, opened: bool) -> None:
    marks = f"{' · newest' if newest else ''}{' · on the page' if opened else ''}"
    with st.container(border=True):
        st.markdown(f"**Version {version.number}**{marks}  \n:gray[{version.saved.astimezone():%d %b %Y, %H:%M}]")
        if version.note:
            st.markdown(escape_markdown(version.note))
        if not newest:
            st.button(
                "Bring this one back",
                icon=":material/history:",
                key=f"rel revert {version.number}",
                on_click=partial(act_on, workshop().open, Workshop.revert, version.number),
                help="Saves it again as the newest version; nothing is lost. Unsaved changes are dropped.",
            )
