"""Locations of shipped files (in the repository or the wheel), caches and user data; atomic file writes."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import platformdirs

from fbn.errors import FbnError, MissingFileError

_PACKAGE = Path(__file__).resolve().parent
_BUNDLE = _PACKAGE / "_bundle"
_REPOSITORY = _PACKAGE.parent


def shipped(relative: str) -> Path:
    """Return the path of a shipped file or folder, e.g. ``"assets/models"`` or ``"app.py"``.

    Raises:
        MissingFileError: neither the wheel nor the repository contains it.
    """
    for root in (_BUNDLE, _REPOSITORY):
        if (path := root / relative).exists():
            return path
    raise MissingFileError(f"{relative} is neither in the installed package nor in the repository: reinstall fbn")


def cache_folder(*parts: str) -> Path:
    """Return the folder for files that can be recreated (crops, a downloaded detector). ``FBN_CACHE`` sets it.

    It may not exist yet: ``whole_file`` and ``make_folder`` create it.
    """
    return Path(os.environ.get("FBN_CACHE") or platformdirs.user_cache_dir("fbn")).joinpath(*parts)


def data_folder(*parts: str) -> Path:
    """Return the folder for user data (tables, jobs). ``FBN_HOME`` sets it. It may not exist yet."""
    return Path(os.environ.get("FBN_HOME") or platformdirs.user_data_dir("fbn")).joinpath(*parts)


def make_folder(folder: Path) -> Path:
    """Create a folder and its parents if they do not exist, and return it.

    Raises:
        FbnError: it cannot be created; the message names the environment variable that sets it, if any.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        moved = {"FBN_CACHE": cache_folder(), "FBN_HOME": data_folder()}
        remedy = "".join(f"; set {name} to another one" for name, root in moved.items() if folder.is_relative_to(root))
        raise FbnError(f"{folder}: the folder cannot be made ({error.strerror}){remedy}") from error
    return folder


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path that is renamed to ``path`` at the end, or removed on an error.

    The folder is created if it does not exist. If ``path`` is a link, its target is replaced. If several processes or
    threads write one path at once, the last to finish wins.

    Raises:
        FbnError: the folder cannot be created.
        OSError: the file cannot be written, or an existing one is read-only; the error names ``path``.
    """
    target = Path(os.path.realpath(path))
    # the stem is shortened so that the temporary name does not exceed the file system's limit
    unfinished = target.with_name(f".{target.stem[:40]}.{token_hex(6)}.tmp{target.suffix}")
    make_folder(target.parent)
    try:
        check_replaceable(target)
        yield unfinished
        os.replace(unfinished, target)
    except OSError as error:
        # name the path that the caller gave
        if error.filename in (None, str(unfinished), str(target)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            unfinished.unlink()


def check_replaceable(path: Path) -> None:
    """Check, before any work is done, that a file can be written to a path.

    Raises:
        OSError: its folder does not exist, it is a folder, or a read-only file.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}", str(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder, expected the name of a file", str(path))
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only", str(path))
