"""Files of a data set, from a folder or straight from its zip; and pictures decoded from them."""

import io
import os
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np

from fbn.errors import FormatError, MissingFileError
from fbn.faces.files import describe, exists, is_clutter, opened, walk
from fbn.faces.pictures import decode_picture, to_eight_bits
from fbn.records import Sample


@lru_cache(maxsize=16)
def _archive(root: str, process: int, stamp: tuple[int, int]) -> ZipFile:
    # one handle for each process: a forked worker that shared its parent's file position would read garbage;
    # threads of one process may share it, ZipFile locks around seek and read; another file of that name is another zip
    try:
        return ZipFile(root)
    except BadZipFile as error:
        raise FormatError(f"{root}: expected a zip archive ({error})") from error
    except OSError as error:
        raise describe(error, root) from error


def _opened(path: Path) -> ZipFile:
    about = path.stat()
    return _archive(str(path), os.getpid(), (about.st_size, about.st_mtime_ns))


def _checked(root: str | Path) -> Path:
    if not exists(path := Path(root)):
        raise MissingFileError(f"{path}: expected a folder or a zip file")
    return path


def list_files(root: str | Path) -> frozenset[str]:
    """Paths of all files under a folder or in a zip, relative to it, with forward slashes.

    Links are followed; what systems leave (``fbn.faces.files.is_clutter``) is not among them.

    Raises:
        MissingFileError: nothing is there, or a link in the folder leads nowhere.
        FormatError: a file that is no zip archive.
        FbnError: a folder that cannot be listed.
    """
    if (path := _checked(root)).is_dir():
        return frozenset(file.relative_to(path).as_posix() for file in walk(path))
    return frozenset(name for name in _opened(path).namelist() if not name.endswith("/") and not is_clutter(name))


def read_file(root: str | Path, path: str) -> bytes:
    """One file's bytes.

    Args:
        root: folder or zip file.
        path: inside ``root``, with forward slashes.

    Raises:
        MissingFileError: it is not there.
        FormatError: the zip is damaged there.
        FbnError: no permission, or the disk fails.
    """
    try:
        if (base := _checked(root)).is_dir():
            with opened(base / path) as file:
                return file.read()
        return _opened(base).read(path)
    except (KeyError, MissingFileError) as error:
        raise MissingFileError(f"{root}: expected it to hold {path}") from error
    except BadZipFile as error:
        raise FormatError(f"{root}: {path} is damaged in the archive ({error})") from error


def read_bytes(sample: Sample) -> bytes:
    """The picture's file as released, not decoded. Raises as ``read_file``."""
    return read_file(sample.root, sample.path)


def read_picture(sample: Sample) -> np.ndarray:
    """The picture.

    Returns:
        [H, W, 3] uint8 RGB; a gray picture's value stands in all three channels, and more than 8 bits are scaled as
        ``fbn.faces.pictures.to_eight_bits`` says.

    Raises:
        MissingFileError: it is not there.
        FormatError: it cannot be decoded; the message names it.
        FbnError: no permission, or the disk fails.
    """
    data = np.frombuffer(read_bytes(sample), np.uint8)
    # labels and landmarks were made on the stored pixels: an EXIF turn would part them
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(data, flags) if data.size else None
    except cv2.error:  # larger than OpenCV will hold
        picture = None
    name = f"{sample.root}: {sample.path}"
    if picture is not None:
        return cv2.cvtColor(to_eight_bits(picture, name), cv2.COLOR_BGR2RGB)
    try:
        return decode_picture(io.BytesIO(data.tobytes()), name, lambda note: None, upright=False)
    except FormatError as error:
        why = str(error).removeprefix(f"{name}: ")
        raise FormatError(f"{name} cannot be read as a picture ({why})") from error
