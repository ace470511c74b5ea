"""Labels of a folder of pictures; each change is written to disk immediately, with its history for undo."""

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fbn import locks, sheets
from fbn.context import write_json
from fbn.data.compound import LABELS, label_rows
from fbn.errors import FbnError, FormatError, describe_os_error
from fbn.resources import whole_file

#: Beside ``labels.csv``: the history of changes.
STEPS, LOCK = "steps.json", ".lock"
_HEADER = ["file", "class"]
_MAX_STEPS = 500
_LOCK_TIMEOUT = 5.0


class SetError(FbnError):
    """A set of pictures cannot be created, read or written; the message gives the reason."""


@dataclass(frozen=True)
class LabelChange:
    """A change of one picture's label; "" means no label."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class LabelHistory:
    """Changes that can be undone (oldest first) and redone (next first)."""

    past: tuple[LabelChange, ...] = ()
    future: tuple[LabelChange, ...] = ()


class SetLabels:
    """The labels in one folder. A lock keeps concurrent writers from overwriting each other's labels.

    Args:
        folder: folder of the pictures.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> dict[str, str]:
        """Return the class of each labelled file.

        Raises:
            FormatError: the file is invalid; the message names the line.
            SetError: it cannot be read.
        """
        path = self.folder / LABELS
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SetError(describe_os_error(error, path)) from None
        try:
            rows = label_rows(content)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None
        labels: dict[str, str] = {}
        for line, file, name in rows:
            if not file or not name or file in labels:
                raise FormatError(f"{path}: line {line}: expected a file, named once, and its class")
            labels[file] = name
        return labels

    def history(self) -> LabelHistory:
        """Return the changes to undo and redo; empty if the file is missing or invalid (labels do not need it)."""
        try:
            content = json.loads((self.folder / STEPS).read_bytes())
            sides = (tuple(LabelChange(*map(str, row)) for row in content[side]) for side in ("past", "future"))
            return LabelHistory(*sides)
        except (OSError, ValueError, KeyError, TypeError):
            return LabelHistory()

    def put(self, labels: Mapping[str, str], undoable: bool = True) -> None:
        """Set the classes of pictures; "" removes a label.

        Args:
            labels: class by file.
            undoable: whether the changes can be undone, one by one; False for uploaded labels.

        Raises:
            SetError: the disk is full, or the folder is not writable; nothing was changed.
        """
        with self._locked():
            now, history = self.read(), self.history()
            changes = [
                LabelChange(file, before, name)
                for file, name in labels.items()
                if (before := now.get(file, "")) != name
            ]
            if changes:
                after = LabelHistory((*history.past, *changes)[-_MAX_STEPS:]) if undoable else history
                self._write(_apply(now, changes), after)

    def undo(self) -> str | None:
        """Undo the last change and return its file, or None if there is nothing to undo."""
        with self._locked():
            history = self.history()
            if not history.past:
                return None
            last = history.past[-1]
            back = LabelChange(last.file, last.after, last.before)
            self._write(_apply(self.read(), [back]), LabelHistory(history.past[:-1], (last, *history.future)))
            return last.file

    def redo(self) -> str | None:
        """Redo the last undone change and return its file, or None if there is nothing to redo."""
        with self._locked():
            history = self.history()
            if not history.future:
                return None
            first = history.future[0]
            self._write(_apply(self.read(), [first]), LabelHistory((*history.past, first), history.future[1:]))
            return first.file

    def _write(self, labels: Mapping[str, str], history: LabelHistory) -> None:
        text = io.StringIO()
        sheets.Writer(text).writerows([_HEADER, *sorted(labels.items())])
        with whole_file(self.folder / LABELS) as unfinished:
            unfinished.write_text(text.getvalue(), "utf-8")
        sides = {"past": history.past, "future": history.future}
        rows = {side: [[each.file, each.before, each.after] for each in changes] for side, changes in sides.items()}
        write_json(self.folder / STEPS, rows)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the folder during the block; convert the operating system's errors to ``SetError``."""
        end = time.monotonic() + _LOCK_TIMEOUT
        try:
            while True:
                with locks.holding(self.folder / LOCK) as free:
                    if free:
                        yield
                        return
                if time.monotonic() > end:
                    raise SetError(f"{self.folder}: another process is writing there; try again later")
                time.sleep(0.02)
        except OSError as error:
            raise SetError(describe_os_error(error, self.folder)) from None


def _apply(labels: Mapping[str, str], changes: list[LabelChange]) -> dict[str, str]:
    changed = {**labels, **{each.file: each.after for each in changes}}
    return {file: name for file, name in changed.items() if name}
