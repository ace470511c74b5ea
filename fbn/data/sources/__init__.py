"""One adapter a data set: label files in their official layout -> samples. No pixels.

To add one: a module here with ``NAME``, ``MARKS`` and ``read``, and its name in ``_MODULES``. It is split by subjects
unless ``fbn.data.splits.SPLITS`` says otherwise.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources import (
    afew_va,
    affectnet,
    affectnet_masked,
    affectnet_npy,
    affwild2,
    bp4d,
    celeba,
    ckplus,
    diffusionfer,
    disfa,
    emotionet,
    expw,
    ferplus,
    rafdb,
    saffwild2,
)
from fbn.data.sources.layout import Rejected, SourceReading
from fbn.errors import FormatError, MissingFileError
from fbn.faces.files import exists

__all__ = ["SOURCES", "Rejected", "SourceReading", "detect", "find"]

_MODULES = (
    ferplus,
    affectnet,
    ckplus,
    celeba,
    affwild2,
    saffwild2,
    affectnet_npy,
    rafdb,
    emotionet,
    disfa,
    bp4d,
    afew_va,
    affectnet_masked,
    expw,
    diffusionfer,
)
SOURCES: dict[str, Callable[..., SourceReading]] = {module.NAME: module.read for module in _MODULES}
SOURCES[rafdb.COMPOUND] = rafdb.read_compound
_MARKS: dict[str, tuple[str, ...]] = {module.NAME: module.MARKS for module in _MODULES}
_MARKS[rafdb.COMPOUND] = (rafdb.COMPOUND_FOLDER,)
#: A set that another one's marks fit too -> that other one, which it is not.
_UNLESS = {affectnet.NAME: affectnet_masked.NAME}


def detect(root: Path) -> str:
    """Which set a folder or zip holds, by its layout.

    Raises:
        MissingFileError: nothing is there.
        FormatError: it has the layout of no set, or of several.
    """
    if len(names := [name for name in SOURCES if _holds(root, name)]) != 1:
        marks = ", ".join(f"{' or '.join(marks)} ({name})" for name, marks in _MARKS.items())
        found = f"those of {' and '.join(names)}" if names else "none"
        raise FormatError(f"{root}: expected a data set with one of {marks}; found {found}")
    return names[0]


def find(data_root: Path, name: str) -> Path:
    """Where a set lies: ``<name>/`` or ``<name>.zip`` in ``data_root``, or ``data_root`` itself if it holds the set.

    Raises:
        MissingFileError: it is in none of these places.
    """
    for path in (data_root / name, data_root / f"{name}.zip"):
        if exists(path):
            return path
    if exists(data_root) and _holds(data_root, name):
        return data_root
    raise MissingFileError(f"{data_root}: expected it to hold {name}/ or {name}.zip, or to be {name} itself")


def _holds(root: Path, name: str) -> bool:
    if name in _UNLESS and _holds(root, _UNLESS[name]):
        return False
    if root.is_dir():
        return any(next(root.glob(mark), None) is not None for mark in _MARKS[name])
    # a zip need not list its folders
    return any(_begins(path, mark) for path in list_files(root) for mark in _MARKS[name])


def _begins(path: str, mark: str) -> bool:
    """Whether a path is what a mark names, or lies in it."""
    parts, wanted = path.split("/"), mark.split("/")
    return len(parts) >= len(wanted) and all(map(fnmatchcase, parts, wanted))
