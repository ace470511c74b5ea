"""Labels of one folder of pictures, kept on disk as they are made, with undo that outlives the page; no Streamlit."""

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
from fbn.errors import FbnError, FormatError
from fbn.jobs.queue import words_of
from fbn.resources import whole_file

#: Beside ``labels.csv``: the steps that undo takes back.
STEPS, LOCK = "steps.json", ".lock"
_HEADER = ["file", "class"]
_MOST_STEPS = 500
_PATIENCE = 5.0


class SetError(FbnError):
    """A set of pictures cannot be made, read or written as things stand; the message says why."""


@dataclass(frozen=True)
class Step:
    """One picture's label before and after; "" where it has none."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Steps:
    """What was done, and what undo took back; each oldest first."""

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()


class Labels:
    """The labels in one folder. Whoever labels there, from whichever page, never overwrites another's labels.

    Args:
        folder: with the pictures.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> dict[str, str]:
        """Class by file, of those that have one.

        Raises:
            FormatError: the file was damaged by other hands; the message names the line.
            SetError: it cannot be read.
        """
        path = self.folder / LABELS
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SetError(words_of(error, path)) from None
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

    def steps(self) -> Steps:
        """What undo and redo would do; none where the file is gone or damaged: labels do not depend on it."""
        try:
            found = json.loads((self.folder / STEPS).read_bytes())
            return Steps(*(tuple(Step(*map(str, step)) for step in found[side]) for side in ("past", "future")))
        except (OSError, ValueError, KeyError, TypeError):
            return Steps()

    def put(self, labels: Mapping[str, str], undoable: bool = True) -> None:
        """Give pictures their classes, "" to take one away.

        Args:
            labels: class by file.
            undoable: each is a step of its own for undo; labels that pictures brought with them are not.

        Raises:
            SetError: the disk is full, or the folder cannot be written; nothing was changed.
        """
        with self._alone():
            now, steps = self.read(), self.steps()
            made = [Step(file, now.get(file, ""), name) for file, name in labels.items() if now.get(file, "") != name]
            if made:
                self._write(_after(now, made), Steps((*steps.past, *made)[-_MOST_STEPS:]) if undoable else steps)

    def undo(self) -> str | None:
        """Take the last step back; the picture it was about, None where there is nothing to take back."""
        with self._alone():
            steps = self.steps()
            if not steps.past:
                return None
            last = steps.past[-1]
            back = Step(last.file, last.after, last.before)
            self._write(_after(self.read(), [back]), Steps(steps.past[:-1], (last, *steps.future)))
            return last.file

    def redo(self) -> str | None:
        """Do again what undo took back; the picture it was about, None where there is nothing."""
        with self._alone():
            steps = self.steps()
            if not steps.future:
                return None
            first = steps.future[0]
            self._write(_after(self.read(), [first]), Steps((*steps.past, first), steps.future[1:]))
            return first.file

    def _write(self, labels: Mapping[str, str], steps: Steps) -> None:
        text = io.StringIO()
        sheets.Writer(text).writerows([_HEADER, *sorted(labels.items())])
        with whole_file(self.folder / LABELS) as unfinished:
            unfinished.write_text(text.getvalue(), "utf-8")
        sides = {"past": steps.past, "future": steps.future}
        rows = {side: [[step.file, step.before, step.after] for step in made] for side, made in sides.items()}
        write_json(self.folder / STEPS, rows)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's lock; tell the system's errors in words."""
        end = time.monotonic() + _PATIENCE
        try:
            while True:
                with locks.holding(self.folder / LOCK) as free:
                    if free:
                        yield
                        return
                if time.monotonic() > end:
                    raise SetError(f"{self.folder}: somebody else writes there and does not end")
                time.sleep(0.02)
        except OSError as error:
            raise SetError(words_of(error, self.folder)) from None


def _after(labels: Mapping[str, str], steps: list[Step]) -> dict[str, str]:
    changed = {**labels, **{step.file: step.after for step in steps}}
    return {file: name for file, name in changed.items() if name}
