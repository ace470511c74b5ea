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
    ckplus.NAME: f"{ckplus.PICTURES}/",
    celeba.NAME: celeba.ATTRIBUTES,
}


def detect(root: Path) -> str:
    """Which set a folder or zip holds, by its layout.

    Raises:
        MissingFileError: nothing is there.
        FormatError: it has the layout of no set, or of several.
    """
    files = list_files(root)
    names = [n for n, mark in _MARKS.items() if mark in files or (mark[-1] == "/" and any(map(_under(mark), files)))]
    if len(names) != 1:
        marks = ", ".join(f"{mark} ({name})" for name, mark in _MARKS.items())
        raise FormatError(
            f"{root}: expected one of {marks}, found {'several: ' + ', '.join(names) if names else 'none'}"
        )
    return names[0]


def find(data_root: Path, name: str) -> Path:
    """Where a set lies: ``<name>/`` or ``<name>.zip`` in ``data_root``, or ``data_root`` itself.

    Raises:
        MissingFileError: it is in none of these places.
    """
    for path in (data_root / name, data_root / f"{name}.zip"):
        if path.exists():
            return path
    if data_root.suffix == ".zip" or name in (data_root.name, data_root.stem):
        return data_root
    raise MissingFileError(f"{data_root}: expected it to hold {name}/ or {name}.zip")


def _under(folder: str) -> Callable[[str], bool]:
    return lambda path: path.startswith(folder)
