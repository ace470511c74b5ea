"""The relatedness tables that one user has open, with operations to edit, save and delete them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

from fbn.errors import FbnError
from fbn.relatedness.draft import Draft, rebase, summarise
from fbn.relatedness.table import RelatednessTable
from fbn.relatedness.versions import ConflictError, Token, Versions, resolve

FIRST = "du2014"
#: Suffix of the name of an edited table; without it the name means the saved one.
_EDITED = " (as edited)"


@dataclass(frozen=True)
class Workshop:
    """The open tables of one user, immutable. Operations return the new state and raise ``FbnError`` on failure.

    Attributes:
        drafts: label -> draft of every open table; the label is the name of the table or of the imported file.
        open: label of the table on the page.
        message: result of the last operation, or "".
        problem: error of the last operation, or "".
        conflict: number of a newer version by another user that prevents saving, or 0.
        deleted: token to undo the last deletion.
        compounds: whether rows of compound expressions are shown.
    """

    drafts: Mapping[str, Draft] = field(default_factory=dict)
    open: str = ""
    message: str = ""
    problem: str = ""
    conflict: int = 0
    deleted: Token | None = None
    compounds: bool = True

    @property
    def draft(self) -> Draft:
        """The table on the page."""
        return self.drafts[self.open]

    def labels(self) -> tuple[str, ...]:
        """List the tables that can be opened: built-in, saved, and unsaved imported or inferred ones."""
        names = (*RelatednessTable.names(), *Versions().names())
        return (*names, *(label for label in self.drafts if label not in names))

    def title(self, label: str) -> str:
        """Return a label with the origin of the table."""
        draft = self.drafts.get(label)
        if draft is not None and self._is_new(label):
            return f"{label} · {draft.origin}, not saved"
        edited = ", edited" if draft is not None and draft.dirty else ""
        return f"{label} · {'built in' if label in RelatednessTable.names() else 'saved'}{edited}"

    def choices(self) -> list[str]:
        """List every table: as edited, as saved, and each older version."""
        choices = []
        for label in self.labels():
            if label in self.drafts and self.drafts[label].dirty and not self._is_new(label):
                choices.append(label + _EDITED)
            choices.append(label)
            if not self._is_new(label):
                choices += [f"{label}@{n}" for n in range(Versions().newest(label) - 1, 0, -1)]
        return choices

    def table_of(self, choice: str) -> RelatednessTable:
        """Return the table of one of the ``choices``.

        Raises:
            FbnError: it was deleted, or is damaged.
        """
        label = choice.removesuffix(_EDITED)
        if label in self.drafts and (label != choice or self._is_new(label)):
            return self.drafts[label].table
        return resolve(choice)

    def usual_pair(self) -> tuple[str, str]:
        """Return the two choices that are compared by default: the table before and after its edit."""
        names = self.choices()
        if self.open + _EDITED in names:
            return self.open, self.open + _EDITED
        if (before := f"{self.open}@{self.draft.number - 1}") in names:
            return before, self.open
        if not self.draft.table.of_expressions:
            return self.open, self.open
        return FIRST, "affwild2" if self.open == FIRST else self.open

    def compared(self) -> tuple[str, RelatednessTable]:
        """Return name and table to compare the open table with: its parent unless another was chosen."""
        if name := self.draft.compare_with:
            with suppress(FbnError):  # it was deleted
                return name, self.table_of(name)
        return self.draft.parent

    def edit(self, label: str, change: Callable[..., Draft], *args: Any) -> Self:
        """Change one draft, on the page or not; earlier messages are cleared."""
        if label not in self.drafts:
            return self
        changed = change(self.drafts[label], *args)
        return replace(self, drafts={**self.drafts, label: changed}, message="", problem="")

    def open_table(self, label: str) -> Self:
        """Show a table. Its unsaved edits are kept; without edits it is reloaded."""
        drafts, known = dict(self.drafts), self.drafts.get(label)
        if label in RelatednessTable.names():
            drafts[label] = known or Draft.of(label, RelatednessTable.named(label), "built in")
        elif known is None or (known.origin == "saved" and not known.dirty):
            number = Versions().newest(label)
            if known is None or known.number != number:
                table = Versions().load(label, number)
                drafts[label] = Draft.of(label, table, "saved", number, _made_from(label, number, table))
        return self._showing(drafts, label)

    def add(self, label: str, table: RelatednessTable, origin: str) -> Self:
        """Show a new, unsaved table."""
        if label in self.labels() and not self._is_new(label):
            label = f"{label} ({origin})"
        drafts = {**self.drafts, label: Draft.of(label, table, origin)}
        return self._showing(drafts, label, f"“{label}” is open. Save it to keep it.")

    def save(self, name: str, note: str = "") -> Self:
        """Save the open table, as a new version or under another name.

        If another user has saved a newer version, nothing is written and ``conflict`` is set.
        """
        draft, is_own = self.draft, name == self.draft.name and self.draft.origin == "saved"
        try:
            base = draft.number if is_own else 0
            number = Versions().save(name, draft.table, base, note or summarise(draft.changes))
        except ConflictError as error:
            if not is_own:
                raise _name_taken_error(name) from None
            if newest := Versions().newest(name):
                return replace(self, conflict=newest, message="", problem="")
            raise FbnError(f"{error}. Save yours under another name, or bring “{name}” back.") from None
        drafts = self._without_open()
        if self.open in RelatednessTable.names():
            drafts[self.open] = Draft.of(self.open, draft.saved, "built in")
        drafts[name] = draft.as_saved(name, number)
        return self._showing(drafts, name, f"Saved as “{name}”, version {number}.")

    def reapply(self) -> Self:
        """Resolve a conflict: open the newer version with this user's changes applied, unsaved."""
        draft, name = self.draft, self.open
        number = Versions().newest(name)
        theirs = Versions().load(name, number)
        table, replaced = rebase(theirs, draft.saved, draft.table)
        merged = Draft.of(name, theirs, "saved", number).edited(table, "your changes on theirs", draft.cell)
        over = f" Both of you had changed: {summarise(replaced)} (yours stands)." if replaced else ""
        message = f"Version {number} is open with your changes on top.{over} Look, then save."
        return self._showing({**self.drafts, name: merged}, name, message)

    def reopen(self) -> Self:
        """Discard the edits and reload the table."""
        rest = replace(self, drafts=self._without_open())
        return rest.open_table(self.open if self.open in rest.labels() else FIRST)

    def duplicate(self, new: str) -> Self:
        """Copy the saved table to a new name, and open the copy."""
        try:
            Versions().duplicate(self.open, new)
        except ConflictError:
            raise _name_taken_error(new) from None
        return replace(self.open_table(new), message=f"“{new}” is a copy of “{self.open}”.")

    def delete(self) -> Self:
        """Delete the open table; ``restore`` undoes it."""
        token = Versions().delete(self.open)
        return replace(self, drafts=self._without_open(), deleted=token).open_table(FIRST)

    def restore(self) -> Self:
        """Undo the last deletion."""
        if self.deleted is None:
            return self
        Versions().restore(self.deleted)
        opened = replace(self, deleted=None).open_table(self.deleted.name)
        return replace(opened, message=f"“{opened.open}” is back.")

    def revert(self, number: int) -> Self:
        """Copy an old version as the newest; the history is kept."""
        try:
            new = Versions().revert(self.open, number, self.draft.number)
        except ConflictError:
            return replace(self, conflict=Versions().newest(self.open), message="")
        opened = replace(self, drafts=self._without_open()).open_table(self.open)
        return replace(opened, message=f"Version {number} is back, as version {new}.")

    def _showing(self, drafts: Mapping[str, Draft], label: str, message: str = "") -> Self:
        return replace(self, drafts=drafts, open=label, message=message, problem="", conflict=0)

    def _without_open(self) -> dict[str, Draft]:
        return {label: draft for label, draft in self.drafts.items() if label != self.open}

    def _is_new(self, label: str) -> bool:
        """Whether a table was imported or inferred and never saved."""
        return label in self.drafts and self.drafts[label].origin in ("imported", "inferred")


def _name_taken_error(name: str) -> FbnError:
    return FbnError(f"There is a saved table “{name}” already. Take another name.")


def _made_from(name: str, number: int, table: RelatednessTable) -> tuple[str, RelatednessTable] | None:
    """Return name and table that a saved version was derived from: its predecessor or a built-in table; or None."""
    if number > 1:
        return f"{name}@{number - 1}", Versions().load(name, number - 1)
    built_in = ((label, RelatednessTable.named(label)) for label in RelatednessTable.names())
    return next((known for known in built_in if known[1].provenance.source == table.provenance.parent), None)
