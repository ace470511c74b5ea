"""One adapter per data set, which reads label files in their official layout into samples. Pictures are not decoded.

To add one: a module here with ``NAME``, ``MARKS`` and ``read``, and its name in ``_MODULES``. It is split by subject
unless ``fbn.data.splits.SPLITS`` has another rule.
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
#: Data set -> a more specific data set that matches the same layout and takes precedence.
_MORE_SPECIFIC = {affectnet.NAME: affectnet_masked.NAME}


def detect(root: Path) -> str:
    """Return the name of the data set in a folder or zip, recognised by its layout.

    Raises:
        MissingFileError: the path does not exist.
        FormatError: the layout matches no data set, or several.
    """
    if len(names := [name for name in SOURCES if _holds(root, name)]) != 1:
        marks = ", ".join(f"{' or '.join(marks)} ({name})" for name, marks in _MARKS.items())
        found = f"those of {' and '.join(names)}" if names else "none"
        raise FormatError(f"{root}: expected a data set with one of {marks}; found {found}")
    return names[0]


def find(data_root: Path, name: str) -> Path:
    """Return the path of a data set: ``<name>/`` or ``<name>.zip`` in ``data_root``, or ``data_root`` itself.

    Raises:
        MissingFileError: it is at none of these paths.
    """
    for path in (data_root / name, data_root / f"{name}.zip"):
        if exists(path):
            return path
    if exists(data_root) and _holds(data_root, name):
        return data_root
    raise MissingFileError(f"{data_root}: expected it to hold {name}/ or {name}.zip, or to be {name} itself")


def _holds(root: Path, name: str) -> bool:
    if name in _MORE_SPECIFIC and _holds(root, _MORE_SPECIFIC[name]):
        return False
    if root.is_dir():
        return any(next(root.glob(mark), None) is not None for mark in _MARKS[name])
    # a zip may list files without their folders
    return any(_matches(path, mark) for path in list_files(root) for mark in _MARKS[name])


def _matches(path: str, mark: str) -> bool:
    """Whether a path, or a folder that contains it, matches a mark."""
    parts, wanted = path.split("/"), mark.split("/")
    return len(parts) >= len(wanted) and all(map(fnmatchcase, parts, wanted))
