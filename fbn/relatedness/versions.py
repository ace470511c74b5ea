"""Saved tables with numbered, immutable versions, which are written atomically.

A name is a folder and a version a file in it, ``0001.json`` upwards. A new version is created exclusively under the
next number: if two users edit the same version, the second one to save gets a ``ConflictError``.
"""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.relatedness.table import RelatednessTable
from fbn.resources import data_folder, make_folder

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_FILE = re.compile(r"\d{4,}\.json")
#: Folder of deleted names, for ``Versions.restore`` and to avoid reusing version numbers.
_DELETED = ".deleted"
#: Limit of uploads; a table of expressions with notes has about 20 kB, one of CelebA's people 7 MB as JSON.
MAX_MEGABYTES = 16


class ConflictError(FbnError):
    """Another user has saved a newer version or deleted the name since the edit began; nothing was written."""


@dataclass(frozen=True)
class Version:
    """One saved version.

    Attributes:
        name: name of the table.
        number: version number, from 1.
        saved: time of saving, in UTC.
        note: remark of the user who saved it.
    """

    name: str
    number: int
    saved: datetime
    note: str


@dataclass(frozen=True)
class Token:
    """Identifies a deleted name for ``Versions.restore``."""

    name: str
    folder: str


class Versions:
    """The tables saved in one folder.

    Args:
        folder: None: ``tables`` in the user's data folder (``fbn.resources.data_folder``).
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_folder("tables")

    def names(self) -> tuple[str, ...]:
        """List the names with at least one version, sorted."""
        if not os.access(self.folder, os.R_OK | os.X_OK):
            return ()
        return tuple(sorted(p.name for p in self.folder.iterdir() if _NAME.fullmatch(p.name) and _numbers(p)))

    def newest(self, name: str) -> int:
        """Return the number of the newest version; 0 if there is none."""
        return max(_numbers(self._of(name)), default=0)

    def history(self, name: str) -> tuple[Version, ...]:
        """List all versions, oldest first.

        Raises:
            MissingFileError: no such name.
            FormatError: a version's file is damaged; the message names it.
        """
        self._known(name)
        return tuple(self._read(name, number)[0] for number in sorted(_numbers(self._of(name))))

    def load(self, name: str, number: int | None = None) -> RelatednessTable:
        """Load a version, by default the newest.

        Raises:
            MissingFileError: no such name or number.
            FormatError: the file is damaged; the message names it.
        """
        self._known(name)
        version, cells = self._read(name, self.newest(name) if number is None else number)
        try:
            return RelatednessTable.from_json(json.dumps(cells))
        except FormatError as error:
            raise FormatError(f"{self._path(name, version.number)}: {error}") from None

    def save(self, name: str, table: RelatednessTable, base: int, note: str = "") -> int:
        """Save a new version and return its number.

        Args:
            name: at most 60 letters, digits, - and _; not that of a built-in table.
            table: the table.
            base: number of the version that was edited; 0 for a new name.
            note: remark.

        Raises:
            FormatError: an invalid name.
            ConflictError: ``base`` is no longer the newest version; the message names the newest one.
            FbnError: the folder cannot be written.
        """
        folder = self._of(name)
        if name.lower() in {built_in.lower() for built_in in RelatednessTable.names()}:
            raise FormatError(f"{name!r} is a built-in table and stays as it is: expected another name")
        number = base + 1 if base else 1 + self._last_deleted(name)
        content = {"saved": datetime.now(UTC).isoformat(), "note": note, "table": json.loads(table.to_json())}
        try:
            if self.newest(name) != base:
                raise self._conflict(name, base)
            if not base:
                make_folder(folder)
            _create(self._path(name, number), json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        except (FileExistsError, FileNotFoundError):
            raise self._conflict(name, base) from None
        except OSError as error:
            raise FbnError(f"{folder}: cannot be written ({error.strerror or error}); nothing was saved") from None
        return number

    def revert(self, name: str, number: int, base: int | None = None) -> int:
        """Save a copy of an old version as the newest and return its number.

        Args:
            name: name of the table.
            number: the version to copy.
            base: see ``save``; None: the newest version.

        Raises:
            As ``load`` and ``save``.
        """
        table = self.load(name, number)
        return self.save(name, table, self.newest(name) if base is None else base, f"back to version {number}")

    def duplicate(self, name: str, new: str) -> int:
        """Save a built-in or saved table's newest version under a new name; return the copy's number.

        Raises:
            As ``load`` and ``save``.
        """
        built_in = name in RelatednessTable.names()
        table = RelatednessTable.named(name) if built_in else self.load(name)
        return self.save(new, table, 0, f"copy of {name}" if built_in else f"copy of {name}@{self.newest(name)}")

    def delete(self, name: str) -> Token:
        """Delete a name with its versions; ``restore`` undoes it.

        Raises:
            MissingFileError: no such name.
            FbnError: the folder cannot be written.
        """
        self._known(name)
        token = Token(name, f"{name}.{uuid4().hex}")
        try:
            (self.folder / _DELETED).mkdir(exist_ok=True)
            os.rename(self._of(name), self.folder / _DELETED / token.folder)
        except OSError as error:
            raise FbnError(f"{self._of(name)}: cannot be deleted ({error.strerror or error})") from None
        return token

    def restore(self, token: Token) -> None:
        """Undo ``delete``.

        Raises:
            ConflictError: the name is in use again.
            MissingFileError: there is no such deleted table.
        """
        away = self.folder / _DELETED / token.folder
        if Path(token.folder).name != token.folder or not _numbers(away):
            raise MissingFileError(f"{self.folder}: no deleted table {token.name!r} to bring back")
        try:
            # fails on a folder that holds anything
            os.rename(away, self._of(token.name))
        except OSError:
            raise ConflictError(f"{token.name!r} is in use again: rename or delete that table first") from None

    def _of(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise FormatError(f"table name {name!r}: expected 1 to 60 letters a to z, digits, - and _")
        return self.folder / name

    def _known(self, name: str) -> None:
        if not self.newest(name):
            have = ", ".join(self.names()) or "none"
            raise MissingFileError(f"no saved table {name!r}; saved are: {have}")

    def _path(self, name: str, number: int) -> Path:
        return self._of(name) / f"{number:04d}.json"

    def _read(self, name: str, number: int) -> tuple[Version, Any]:
        """Read a version and its table, which is not validated."""
        path = self._path(name, number)
        if not path.is_file():
            raise MissingFileError(f"no version {number} of {name!r}; its newest is {self.newest(name)}")
        try:
            data: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return Version(name, number, datetime.fromisoformat(data["saved"]), str(data["note"])), data["table"]
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path}: expected a saved table with saved, note and table ({error!r})") from None

    def _last_deleted(self, name: str) -> int:
        """Return the largest version number of deleted tables of this name, which must not be reused."""
        away = (self.folder / _DELETED).glob(f"{name}.*")
        return max((number for folder in away for number in _numbers(folder)), default=0)

    def _conflict(self, name: str, base: int) -> ConflictError:
        began = f"the edit began from version {base}" if base else "it was to be a new name"
        newest = self.newest(name)
        now = f"version {newest} of {name!r} was saved meanwhile" if newest else f"{name!r} was deleted meanwhile"
        return ConflictError(f"{now}, {began}; nothing was saved")


def resolve(text: str) -> RelatednessTable:
    """Load a table by a built-in name, a saved name or ``name@number``, or from a ``.json`` or ``.csv`` file.

    Raises:
        MissingFileError: there is no such table.
        FormatError: a damaged file; the message names file and cell.
    """
    if text in RelatednessTable.names():
        return RelatednessTable.named(text)
    name, at, number = text.partition("@")
    if _NAME.fullmatch(name) and number.isdecimal() == bool(at):
        versions = Versions()
        if versions.newest(name):
            return versions.load(name, int(number) if at else None)
    if Path(text).suffix.lower() in (".json", ".csv") or Path(text).is_file():
        return RelatednessTable.read(text)
    known = ", ".join((*RelatednessTable.names(), *Versions().names()))
    raise MissingFileError(f"no relatedness table {text!r}: expected one of {known}, or a .json or .csv file")


def table_bytes(table: RelatednessTable, suffix: str) -> bytes:
    """Return the contents of the ``.csv`` or ``.json`` file of ``table.write``."""
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{suffix}")
        table.write(path)
        return path.read_bytes()


def load_table(name: str, contents: bytes) -> RelatednessTable:
    """Read a table from the contents of a CSV or JSON file.

    Args:
        name: name of the file; its suffix decides the format.
        contents: contents of the file.

    Raises:
        FormatError: too large, or not a table; the message names file, line and cell.
    """
    if len(contents) > (limit := MAX_MEGABYTES * 1024 * 1024):
        raise FormatError(f"{name}: {len(contents):,} bytes: expected a table, at most {limit:,} bytes")
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{Path(name).suffix}")
        path.write_bytes(contents)
        try:
            return RelatednessTable.read(path)
        except FbnError as error:
            raise FormatError(str(error).replace(str(path), name)) from None


def _numbers(folder: Path) -> list[int]:
    """List the version numbers in a folder; empty if it does not exist or is not readable."""
    try:
        return [int(p.stem) for p in folder.iterdir() if _FILE.fullmatch(p.name)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _create(path: Path, content: str) -> None:
    """Create a file atomically. Raises FileExistsError if it exists."""
    handle, temporary = tempfile.mkstemp(".tmp", ".version-", path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(content)
        # a hard link, unlike a rename, never replaces
        os.link(temporary, path)
    finally:
        os.unlink(temporary)
