"""Read files and pictures of a data set from a folder or directly from a zip."""

import io
import os
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np

from fbn.errors import FormatError, MissingFileError
from fbn.faces.files import describe, exists, is_clutter, opened, walk
from fbn.faces.pictures import decode_picture, scaled
from fbn.records import Sample


@lru_cache(maxsize=16)
def _archive(root: str, process: int, stamp: tuple[int, int]) -> ZipFile:
    # one handle per process, since a forked worker would share its parent's file position; ZipFile is thread-safe;
    # the stamp distinguishes files that replace each other under one name
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
    """Return the paths of all files in a folder or zip, relative to it, with forward slashes.

    Links are followed; files that the operating system left (``fbn.faces.files.is_clutter``) are skipped.

    Raises:
        MissingFileError: ``root`` does not exist, or the folder contains a broken link.
        FormatError: the file is not a zip archive.
        FbnError: a folder cannot be listed.
    """
    if (path := _checked(root)).is_dir():
        return frozenset(file.relative_to(path).as_posix() for file in walk(path))
    return frozenset(name for name in _opened(path).namelist() if not name.endswith("/") and not is_clutter(name))


def read_file(root: str | Path, path: str) -> bytes:
    """Return the contents of a file in a folder or zip.

    Args:
        root: folder or zip file.
        path: path inside ``root``, with forward slashes.

    Raises:
        MissingFileError: the file does not exist.
        FormatError: the file is damaged in the zip.
        FbnError: no permission, or a disk error.
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
    """Return the contents of a sample's picture file, not decoded. Raises as ``read_file``."""
    return read_file(sample.root, sample.path)


def read_picture(sample: Sample) -> np.ndarray:
    """Read and decode a sample's picture.

    Returns:
        [H, W, 3] uint8 RGB; gray values are repeated in the three channels, higher bit depths are scaled as in
        ``fbn.faces.arrays.to_eight_bits``.

    Raises:
        MissingFileError: the file does not exist.
        FormatError: it cannot be decoded; the message names it.
        FbnError: no permission, or a disk error.
    """
    contents = read_bytes(sample)
    # labels and landmarks refer to the stored pixels, so the EXIF orientation is ignored
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(np.frombuffer(contents, np.uint8), flags) if contents else None
    except cv2.error:  # exceeds OpenCV's size limit
        picture = None
    name = f"{sample.root}: {sample.path}"
    if picture is not None:
        return cv2.cvtColor(scaled(picture, name), cv2.COLOR_BGR2RGB)
    try:
        return decode_picture(io.BytesIO(contents), name, lambda note: None, upright=False)
    except FormatError as error:
        why = str(error).removeprefix(f"{name}: ")
        raise FormatError(f"{name} cannot be read as a picture ({why})") from error
