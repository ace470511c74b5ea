"""Files to read: what a folder holds, how a name is shown, and errors of the operating system in words."""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fbn.errors import FbnError, MissingFileError

#: What systems, synchronisers and archivers leave in folders and zips, beside names that begin with a dot.
_CLUTTER = frozenset(
    {
        *("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "$recycle.bin"),
        *("system volume information", "lost+found"),
    }
)


def is_clutter(path: str) -> bool:
    """Whether a relative path, with forward slashes, is or lies in what no person put there.

    That is any part that begins with a dot (``._IMG_1.jpg``, ``.DS_Store``), ``__MACOSX``, ``Thumbs.db`` and their
    like. This is the only place that decides it, for folders and for zips.
    """
    return any(part.startswith(".") or part.lower() in _CLUTTER for part in path.split("/"))


def printable(path: str | Path) -> str:
    r"""A path for messages and tables: bytes that do not decode and control characters as ``\xe9``, ``\n``.

    Such names exist on Linux; written as they are they break a UTF-8 table or the line that they stand in.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    hidden = {"Cc", "Cs", "Zl", "Zp"}
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in hidden else c for c in text)


def describe(error: OSError, path: str | Path) -> FbnError:
    """What the operating system says of a path, in words."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if os.path.islink(path):
            return MissingFileError(
                f"{printable(path)}: a link to {printable(os.readlink(path))}, where there is nothing"
            )
        return MissingFileError(f"{printable(path)}: no such file or folder")
    return FbnError(f"{printable(path)}: cannot be read ({error.strerror or error})")


def exists(path: str | Path) -> bool:
    """Whether there is a file or folder of that name.

    Raises:
        FbnError: that cannot be seen: no permission, a name too long, ...
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
    """A file to read bytes from.

    Raises:
        MissingFileError: no such file.
        FbnError: a folder or device, no permission, or the disk fails, also while it is read.
    """
    try:
        # a pipe would be waited for without end
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FbnError(f"{printable(path)}: is not a file")
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        # decoders raise OSError too, without a number
        if error.errno is None:
            raise
        raise describe(error, path) from error


def walk(folder: Path, on_error: Callable[[FbnError], None] | None = None) -> Iterator[Path]:
    """Files below a folder, sorted in each folder; links are followed and clutter is passed over.

    Args:
        folder: where to begin.
        on_error: told of each folder that cannot be listed and each link that leads nowhere; without it the error is
            raised.
    """

    def complain(error: FbnError) -> None:
        if on_error is None:
            raise error
        on_error(error)

    def inside(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
        try:
            about = os.stat(folder)
            with os.scandir(folder) as found:
                entries = sorted((entry for entry in found if not is_clutter(entry.name)), key=lambda entry: entry.name)
        except OSError as error:
            complain(describe(error, folder))
            return
        here = (about.st_dev, about.st_ino)
        if here in above:  # a link to a folder that it lies in
            return
        for entry in entries:
            path = folder / entry.name
            try:
                mode = os.stat(path).st_mode
            except OSError as error:
                complain(describe(error, path))
                continue
            if stat.S_ISDIR(mode):
                yield from inside(path, above | {here})
            elif stat.S_ISREG(mode):
                yield path

    yield from inside(folder, frozenset())
