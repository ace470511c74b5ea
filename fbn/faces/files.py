"""Input files: listing of folders, printable names, and readable errors of the operating system."""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fbn.errors import FbnError, MissingFileError

#: Names of files of operating systems, synchronisers and archivers, besides names that begin with a dot.
_CLUTTER = frozenset(
    {
        *("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin"),
        *("system volume information", "lost+found"),
    }
)


def is_clutter(path: str) -> bool:
    """Whether a relative path, with forward slashes, is a system file or in a system folder.

    Such names begin with a dot (``._IMG_1.jpg``, ``.DS_Store``) or are ``__MACOSX``, ``Thumbs.db`` and similar ones, in
    folders and in zip files.
    """
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in path.split("/"))


def printable(path: str | Path) -> str:
    r"""Escape invalid bytes and control characters in a path, for messages and tables: ``\xe9``, ``\n``.

    Such names exist on Linux; unescaped they would make a table invalid UTF-8 or break a line.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    hidden = {"Cc", "Cs", "Zl", "Zp"}
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in hidden else c for c in text)


def describe(error: OSError, path: str | Path) -> FbnError:
    """Convert an error of the operating system to an ``FbnError`` with a readable message."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if os.path.islink(path):
            return MissingFileError(
                f"{printable(path)}: a link to {printable(os.readlink(path))}, where there is nothing"
            )
        return MissingFileError(f"{printable(path)}: no such file or folder")
    return FbnError(f"{printable(path)}: cannot be read ({error.strerror or error})")


def exists(path: str | Path) -> bool:
    """Whether a path is an existing file or folder.

    Raises:
        FbnError: this cannot be determined: no permission, a name too long, ...
    """
    try:
        os.stat(path)
    except OSError as error:
        found = describe(error, path)
        if isinstance(found, MissingFileError):
            return False
        raise found from error
    return True


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes.

    Raises:
        MissingFileError: no such file.
        FbnError: a folder or device, no permission, or an error of the disk, also during reading.
    """
    try:
        # reading a pipe could block forever
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FbnError(f"{printable(path)}: is not a file")
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        # decoders raise OSError too, without errno
        if error.errno is None:
            raise
        raise describe(error, path) from error


def walk(folder: Path, on_error: Callable[[FbnError], None] | None = None) -> Iterator[Path]:
    """Iterate over all files below a folder, sorted in each folder; links are followed, system files are skipped.

    Args:
        folder: the folder.
        on_error: called with the error of each folder that cannot be listed and each broken link; None: raise it.
    """

    def report(error: FbnError) -> None:
        if on_error is None:
            raise error
        on_error(error)

    def files_in(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
        try:
            about = os.stat(folder)
            with os.scandir(folder) as found:
                entries = sorted((entry for entry in found if not is_clutter(entry.name)), key=lambda entry: entry.name)
        except OSError as error:
            report(describe(error, folder))
            return
        here = (about.st_dev, about.st_ino)
        if here in above:  # a link to a parent folder
            return
        for entry in entries:
            path = folder / entry.name
            try:
                mode = os.stat(path).st_mode
            except OSError as error:
                report(describe(error, path))
                continue
            if stat.S_ISDIR(mode):
                yield from files_in(path, above | {here})
            elif stat.S_ISREG(mode):
                yield path

    yield from files_in(folder, frozenset())
