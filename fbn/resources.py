"""Where shipped files lie (in the repository's assets, or bundled into the wheel), caches, and what users make."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from fbn.errors import MissingFileError

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
    """A folder for files that can be made again (crops, a fetched detector). ``FBN_CACHE`` moves it."""
    root = Path(os.environ.get("FBN_CACHE") or platformdirs.user_cache_dir("fbn"))
    folder = root.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def data_folder(*parts: str) -> Path:
    """A folder for what users make and would miss (tables, jobs). ``FBN_HOME`` moves it."""
    root = Path(os.environ.get("FBN_HOME") or platformdirs.user_data_dir("fbn"))
    folder = root.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write, which takes the name ``path`` once all is in it; if anything stops that, it is removed."""
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
