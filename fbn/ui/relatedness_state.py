"""What one viewer's Relatedness page holds between two runs: a draft of every table opened, and what is to be said."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from fbn.errors import FbnError, FormatError
from fbn.relatedness import ConflictError, RelatednessTable, Versions
from fbn.relatedness.versions import Token
from fbn.ui.relatedness import Draft, rebased, summary

_STATE = "relatedness"
_ADDRESS = "table"
_FIRST = "du2014"


@dataclass(frozen=True)
class Workshop:
    """The tables of one viewer.

    Attributes:
        drafts: every table opened, by label: a built-in's or saved table's name, an imported file's name.
        open: label of the one on the page.
        said: what was done last, or "".
        problem: what was refused last, or "".
        conflict: number of somebody's newer version that stands in the way of saving, or 0.
        deleted: what undo of the last deletion needs.
        compounds: rows of compound expressions are shown.
    """

    drafts: Mapping[str, Draft] = field(default_factory=dict)
    open: str = ""
    said: str = ""
    problem: str = ""
    conflict: int = 0
    deleted: Token | None = None
    compounds: bool = True


def workshop() -> Workshop:
    """This viewer's workshop; the address says which table to begin with, so that a reload finds it again."""
    if _STATE not in st.session_state:
        st.session_state[_STATE] = Workshop()
        wanted = st.query_params.get(_ADDRESS, _FIRST)
        open_table(wanted if wanted in labels() else _FIRST)
    kept: Workshop = st.session_state[_STATE]
    return kept


def keep(**changes: Any) -> None:
    """Change the workshop."""
    st.session_state[_STATE] = replace(workshop(), **changes)


def draft() -> Draft:
    """The table on the page."""
    shop = workshop()
    return shop.drafts[shop.open]


def put(changed: Draft) -> None:
    """Another state of the table on the page; what was said of the last one is gone."""
    shop = workshop()
    keep(drafts={**shop.drafts, shop.open: changed}, said="", problem="")


def labels() -> tuple[str, ...]:
    """What can be opened: built-in tables, saved ones, and what was imported or inferred and not saved yet."""
    names = (*RelatednessTable.names(), *Versions().names())
    return (*names, *(label for label in workshop().drafts if label not in names))


def titled(label: str) -> str:
    """A label with where the table comes from."""
    opened = workshop().drafts.get(label)
    edited = ", edited" if opened is not None and opened.dirty else ""
    if opened is not None and opened.origin in ("imported", "inferred"):
        return f"{label} · {opened.origin}, not saved"
    return f"{label} · {'built in' if label in RelatednessTable.names() else 'saved'}{edited}"


def open_table(label: str) -> None:
    """Put a table on the page. An edit that was left is found again; an untouched one is read anew."""
    drafts, known = dict(workshop().drafts), workshop().drafts.get(label)
    try:
        if label in RelatednessTable.names():
            drafts[label] = known or Draft.of(label, RelatednessTable.named(label), "built in")
        elif known is None or (known.origin == "saved" and not known.dirty):
            number = Versions().newest(label)
            if known is None or known.number != number:
                drafts[label] = Draft.of(label, Versions().load(label, number), "saved", number)
    except FbnError as error:
        keep(problem=str(error))
        return
    keep(drafts=drafts, open=label, said="", problem="", conflict=0)
    _remember()


def add(label: str, table: RelatednessTable, origin: str) -> None:
    """Put a table on the page that is not saved yet."""
    label = label if label not in labels() or label in _unsaved() else f"{label} ({origin})"
    keep(drafts={**workshop().drafts, label: Draft.of(label, table, origin)}, open=label, problem="", conflict=0)
    keep(said=f"“{label}” is open. Save it to keep it.")


def save(name: str, note: str = "") -> None:
    """Save the table on the page, as a new version of its own name or under another one.

    Where somebody saved meanwhile nothing is written, and the page asks what to do.
    """
    now, label, own = draft(), workshop().open, name == draft().name and draft().origin == "saved"
    try:
        number = Versions().save(name, now.table, now.number if own else 0, note or summary(now.changes))
    except ConflictError as error:
        newest = Versions().newest(name)
        if own and newest:
            keep(conflict=newest, said="", problem="")
        elif own:
            keep(problem=f"{error}. Save yours under another name, or bring “{name}” back.", said="")
        else:
            keep(problem=f"There is a saved table “{name}” already. Take another name.", said="")
        return
    except FbnError as error:
        keep(problem=str(error), said="")
        return
    drafts = {other: d for other, d in workshop().drafts.items() if other != label}
    if label in RelatednessTable.names():
        drafts[label] = Draft.of(label, now.saved, "built in")
    keep(drafts={**drafts, name: now.kept(name, number)}, open=name, problem="", conflict=0)
    keep(said=f"Saved as “{name}”, version {number}.")
    _remember()


def reapply() -> None:
    """The way out of a conflict: open their newer version with this viewer's changes on top, not saved yet."""
    now, name = draft(), workshop().open
    try:
        number = Versions().newest(name)
        theirs = Versions().load(name, number)
    except FbnError as error:
        keep(problem=str(error))
        return
    table, replaced = rebased(theirs, now.saved, now.table)
    merged = Draft.of(name, theirs, "saved", number).to(table, "your changes on theirs", now.cell)
    put(merged)
    over = f" Both of you had changed: {summary(replaced)} (yours stands)." if replaced else ""
    keep(conflict=0, said=f"Version {number} is open with your changes on top.{over} Look, then save.")


def reopen() -> None:
    """Forget the edit and open what is saved, or built in."""
    name = workshop().open
    keep(drafts={label: d for label, d in workshop().drafts.items() if label != name})
    open_table(name if name in labels() else _FIRST)


def duplicate(new: str) -> None:
    """Copy what is saved under a new name, and open the copy."""
    name = workshop().open
    try:
        Versions().duplicate(name, new)
    except ConflictError:
        keep(problem=f"There is a saved table “{new}” already. Take another name.", said="")
    except FbnError as error:
        keep(problem=str(error), said="")
    else:
        open_table(new)
        keep(said=f"“{new}” is a copy of “{name}”.")


def delete() -> None:
    """Delete the table on the page; the page offers to bring it back."""
    name = workshop().open
    try:
        token = Versions().delete(name)
    except FbnError as error:
        keep(problem=str(error), said="")
        return
    keep(drafts={label: d for label, d in workshop().drafts.items() if label != name})
    open_table(_FIRST)
    keep(deleted=token)


def restore() -> None:
    """Undo of the last deletion."""
    token = workshop().deleted
    if token is not None:
        try:
            Versions().restore(token)
        except FbnError as error:
            keep(problem=str(error))
            return
        keep(deleted=None)
        open_table(token.name)
        keep(said=f"“{token.name}” is back.")


def revert(number: int) -> None:
    """Make an old version the newest; the ones between stay in the history."""
    name = workshop().open
    try:
        new = Versions().revert(name, number, draft().number)
    except ConflictError:
        keep(conflict=Versions().newest(name), said="")
        return
    except FbnError as error:
        keep(problem=str(error), said="")
        return
    keep(drafts={label: d for label, d in workshop().drafts.items() if label != name})
    open_table(name)
    keep(said=f"Version {number} is back, as version {new}.")


def edit(category: str, number: int, weight: float, slid: bool = False) -> None:
    """Change one cell of the table on the page, ``slid`` by its slider; what cannot be is refused in words."""
    before = draft()
    try:
        after = before.with_weight(category, number, weight)
        put(replace(after, slid=before.slid + after.turn - before.turn) if slid else after)
    except FormatError as error:
        keep(problem=str(error), said="")


def _unsaved() -> set[str]:
    return {label for label, d in workshop().drafts.items() if d.origin not in ("saved", "built in")}


def _remember() -> None:
    if st.query_params.get(_ADDRESS) != workshop().open:
        st.query_params[_ADDRESS] = workshop().open
