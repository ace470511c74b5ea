"""Where shipped files lie (in the repository's assets, or bundled into the wheel), caches, and what users make."""

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
    """Path of a shipped file or folder, e.g. ``"assets/models"`` or ``"app.py"``.

    Raises:
        MissingFileError: neither the wheel nor the repository holds it.
    """
    for root in (_BUNDLE, _REPOSITORY):
        if (path := root / relative).exists():
            return path
    raise MissingFileError(f"{relative} is neither in the installed package nor in the repository: reinstall fbn")


def cache_folder(*parts: str) -> Path:
    """The folder for files that can be made again (crops, a fetched detector). ``FBN_CACHE`` moves it.

    It need not exist: ``whole_file`` and ``make_folder`` make it where something is written.
    """
    return Path(os.environ.get("FBN_CACHE") or platformdirs.user_cache_dir("fbn")).joinpath(*parts)


def data_folder(*parts: str) -> Path:
    """The folder for what users make and would miss (tables, jobs). ``FBN_HOME`` moves it. It need not exist."""
    return Path(os.environ.get("FBN_HOME") or platformdirs.user_data_dir("fbn")).joinpath(*parts)


def make_folder(folder: Path) -> Path:
    """Make a folder and those above it, where they are not there.

    Raises:
        FbnError: it cannot be made; the message says what moves it where that is possible.
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
    """A file to write, which takes the name ``path`` once all is in it; if anything stops that, it is removed.

    Its folder is made where it is not there. Where ``path`` is a link, what it points at is replaced. Of several that
    write one path at once, in whichever process or thread, the last to end wins, whole.

    Raises:
        FbnError: the folder cannot be made.
        OSError: the file cannot be written, or one that is there is read-only; it names ``path``.
    """
    target = Path(os.path.realpath(path))
    # short, so that any name that fits the file system has a temporary one that does
    unfinished = target.with_name(f".{target.stem[:40]}.{token_hex(6)}.tmp{target.suffix}")
    make_folder(target.parent)
    try:
        check_replaceable(target)
        yield unfinished
        os.replace(unfinished, target)
    except OSError as error:
        # the name that people know
        if error.filename in (None, str(unfinished), str(target)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            unfinished.unlink()


def check_replaceable(path: Path) -> None:
    """Refuse a path where a finished file cannot be put, before the work is done.

    Raises:
        OSError: its folder is not there, it is a folder, or a file without permission to write.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}", str(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder, expected the name of a file", str(path))
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only", str(path))
