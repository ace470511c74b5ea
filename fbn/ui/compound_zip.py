"""Pictures out of an uploaded zip: nothing is unpacked before it is clear how much that will be; no Streamlit."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from fbn.errors import FormatError
from fbn.faces.frames import PICTURE_SUFFIXES
from fbn.ui.compound_sets import MOST_BYTES, MOST_EACH, MOST_PICTURES, Incoming

#: Pictures hardly shrink in a zip; what shrinks more than this is made to fill a disk.
_MOST_SHRUNK = 200
_ENCRYPTED = 1
_SMALL = 1_000_000


@contextmanager
def pictures_in(name: str, contents: BinaryIO) -> Iterator[list[Incoming]]:
    """The pictures of a zip, to be read while the block lasts; the files that systems add are passed over.

    Args:
        name: what messages call it.
        contents: the zip.

    Raises:
        FormatError: no zip, an encrypted one, one whose paths lead elsewhere, or one that is too large unpacked.
    """
    try:
        with ZipFile(contents) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(name, entries)
            yield [
                (entry.filename, partial(_read, archive, name, entry)) for entry in entries if _wanted(entry.filename)
            ]
    except (BadZipFile, LargeZipFile, NotImplementedError) as error:
        raise FormatError(f"{name}: cannot be read as a zip archive ({error})") from None


def by_folder(names: list[str]) -> dict[str, str]:
    """Class by name, where every picture lies in one of at least two subfolders; nothing otherwise."""
    parents = {name: PurePosixPath(name).parent for name in names}
    above = {parent.parent for parent in parents.values()}
    if len(above) != 1 or len(set(parents.values())) < 2 or PurePosixPath(".") in parents.values():
        return {}
    return {name: spoken(parent.name) for name, parent in parents.items()}


def spoken(folder: str) -> str:
    """A folder's name as a class': ``Happily_Surprised`` is ``happily surprised``."""
    return " ".join(folder.replace("_", " ").replace("-", " ").lower().split())


def _check(name: str, entries: list[ZipInfo]) -> None:
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise FormatError(f"{name}: {entry.filename!r} would lie outside the archive's folder; nothing was taken")
        if entry.flag_bits & _ENCRYPTED:
            raise FormatError(f"{name}: it is encrypted; expected one without a password")
        if entry.file_size > max(_SMALL, _MOST_SHRUNK * entry.compress_size):
            raise FormatError(
                f"{name}: {entry.filename!r} would grow from {entry.compress_size:,} to {entry.file_size:,} bytes, as "
                f"no picture does; nothing was taken"
            )
    wanted = [entry for entry in entries if _wanted(entry.filename)]
    total = sum(entry.file_size for entry in wanted)
    if len(wanted) > MOST_PICTURES or total > MOST_BYTES:
        raise FormatError(
            f"{name}: {len(wanted):,} pictures, {total / 1e9:.1f} GB unpacked; expected at most {MOST_PICTURES:,} and "
            f"{MOST_BYTES / 1e9:.0f} GB. Put them into a folder on this machine, and point at that"
        )
    if not wanted:
        kinds = Counter(Path(entry.filename).suffix.lower() or "no suffix" for entry in entries)
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3)) or "nothing"
        raise FormatError(f"{name}: no picture in it ({found}); expected {', '.join(sorted(PICTURE_SUFFIXES))}")


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix.lower() in PICTURE_SUFFIXES and "__MACOSX" not in path.parts and not path.name.startswith(".")
    )


def _read(archive: ZipFile, name: str, entry: ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            # what the directory of the archive says of sizes may be a lie
            contents = file.read(MOST_EACH + 1)
    except (BadZipFile, EOFError, OSError, ValueError) as error:
        raise FormatError(f"{name}: {entry.filename} is damaged in the archive ({error})") from None
    return contents
