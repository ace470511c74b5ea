"""One adapter a data set: label files in their official layout -> samples. No pixels."""

from collections.abc import Callable
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources import affectnet, celeba, ckplus, ferplus
from fbn.data.sources.layout import Rejected, SourceReading
from fbn.errors import FormatError, MissingFileError

__all__ = ["SOURCES", "Rejected", "SourceReading", "detect", "find"]

SOURCES: dict[str, Callable[..., SourceReading]] = {
    module.NAME: module.read for module in (ferplus, affectnet, ckplus, celeba)
}
#: A file or folder that only this set has.
_MARKS = {
    ferplus.NAME: ferplus.LABELS,
    affectnet.NAME: affectnet.LABELS,
    ckplus.NAME: ckplus.PICTURES,
    celeba.NAME: celeba.ATTRIBUTES,
}


def detect(root: Path) -> str:
    """Which set a folder or zip holds, by its layout.

    Raises:
        MissingFileError: nothing is there.
        FormatError: it has the layout of no set, or of several.
    """
    if len(names := [name for name in SOURCES if _holds(root, name)]) != 1:
        marks = ", ".join(f"{mark} ({name})" for name, mark in _MARKS.items())
        found = f"those of {' and '.join(names)}" if names else "none"
        raise FormatError(f"{root}: expected a data set with one of {marks}; found {found}")
    return names[0]


def find(data_root: Path, name: str) -> Path:
    """Where a set lies: ``<name>/`` or ``<name>.zip`` in ``data_root``, or ``data_root`` itself if it holds the set.

    Raises:
        MissingFileError: it is in none of these places.
    """
    for path in (data_root / name, data_root / f"{name}.zip"):
        if path.exists():
            return path
    if data_root.exists() and _holds(data_root, name):
        return data_root
    raise MissingFileError(f"{data_root}: expected it to hold {name}/ or {name}.zip, or to be {name} itself")


def _holds(root: Path, name: str) -> bool:
    if root.is_dir():
        return (root / _MARKS[name]).exists()
    # a zip need not list its folders
    return any(path == _MARKS[name] or path.startswith(f"{_MARKS[name]}/") for path in list_files(root))
