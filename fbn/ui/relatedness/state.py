"""What one viewer's Relatedness page holds between two runs: a draft of every table opened, and what is to be said."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from fbn.errors import FbnError, FormatError
from fbn.relatedness import ConflictError, RelatednessTable, Versions, resolve
from fbn.relatedness.versions import Token
from fbn.ui.relatedness.draft import Draft, rebased, summary
from fbn.ui.widgets import follow

_STATE = "relatedness"
FIRST = "du2014"
#: Key of the session's state that names the table on the page, for ``widgets.place``.
OPEN = "relatedness table"
#: And the one that names the view.
VIEW = "rel view"
#: A table as it is being edited, beside its saved self.
_EDITED = " (as edited)"


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
    """This viewer's workshop; a new one has a built-in table open."""
    if _STATE not in st.session_state:
        st.session_state[_STATE] = Workshop()
        open_table(FIRST)
    kept: Workshop = st.session_state[_STATE]
    return kept


def keep(**changes: Any) -> None:
    """Change the workshop."""
    st.session_state[_STATE] = shop = replace(workshop(), **changes)
    if st.session_state.get(OPEN) != shop.open:
        st.session_state[OPEN] = shop.open
        follow(OPEN)


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


def choices() -> list[str]:
    """Every table there is: as it stands, as saved, and in each older version."""
    found = []
    for label in labels():
        opened = workshop().drafts.get(label)
        if opened is not None and opened.origin in ("imported", "inferred"):
            found.append(label)
            continue
        if opened is not None and opened.dirty:
            found.append(label + _EDITED)
        found.append(label)
        found += [f"{label}@{n}" for n in range(Versions().newest(label) - 1, 0, -1)]
    return found


def table_of(choice: str) -> RelatednessTable:
    """The table of a choice.

    Raises:
        FbnError: it is not there any more, or damaged.
    """
    label = choice.removesuffix(_EDITED)
    opened = workshop().drafts.get(label)
    if opened is not None and (label != choice or opened.origin in ("imported", "inferred")):
        return opened.table
    return resolve(choice)


def usual() -> tuple[str, str]:
    """What is compared unless somebody asks for something else: the table as it was with the table as it is."""
    names, label = choices(), workshop().open
    if label + _EDITED in names:
        return label, label + _EDITED
    if f"{label}@{draft().number - 1}" in names:
        return f"{label}@{draft().number - 1}", label
    return ("du2014", "affwild2") if label == "du2014" else ("du2014", label)


def compared() -> tuple[str, RelatednessTable]:
    """What the marks on the page compare its table with, and that table's name: its parent unless one was chosen."""
    now = draft()
    if now.against:
        with suppress(FbnError):  # somebody deleted it
            return now.against, table_of(now.against)
    return now.parent


def open_table(label: str) -> None:
    """Put a table on the page. An edit that was left is found again; an untouched one is read anew."""
    drafts, known = dict(workshop().drafts), workshop().drafts.get(label)
    try:
        if label in RelatednessTable.names():
            drafts[label] = known or Draft.of(label, RelatednessTable.named(label), "built in")
        elif known is None or (known.origin == "saved" and not known.dirty):
            number = Versions().newest(label)
            if known is None or known.number != number:
                table = Versions().load(label, number)
                drafts[label] = Draft.of(label, table, "saved", number, _made_from(label, number, table))
    except FbnError as error:
        keep(problem=str(error))
        return
    keep(drafts=drafts, open=label, said="", problem="", conflict=0)


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
    open_table(name if name in labels() else FIRST)


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
    open_table(FIRST)
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


def edit(category: str, number: int, weight: float) -> None:
    """Change one cell of the table on the page; what cannot be is refused in words."""
    try:
        put(draft().with_weight(category, number, weight))
    except FormatError as error:
        keep(problem=str(error), said="")


def _unsaved() -> set[str]:
    return {label for label, d in workshop().drafts.items() if d.origin not in ("saved", "built in")}


def _made_from(name: str, number: int, table: RelatednessTable) -> tuple[str, RelatednessTable] | None:
    """What a saved version was made from: the version before it, the built-in table; None where that is not known."""
    if number > 1:
        return f"{name}@{number - 1}", Versions().load(name, number - 1)
    built_in = ((label, RelatednessTable.named(label)) for label in RelatednessTable.names())
    return next((known for known in built_in if known[1].provenance.source == table.provenance.parent), None)
