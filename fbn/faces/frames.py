"""Reading of RGB frames from pictures, folders, videos and cameras."""

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import cv2
import numpy as np

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.faces.files import describe, opened, printable, walk
from fbn.faces.pictures import (
    PICTURE_SUFFIXES,
    UNREADABLE_SUFFIXES,
    Notify,
    animation,
    decode_picture,
    is_animated,
    is_heif,
    is_picture,
    open_picture,
)
from fbn.faces.videos import (
    MOTION_JPEG_SUFFIXES,
    VIDEO_SUFFIXES,
    count_frames,
    is_video,
    open_video,
    video_frames,
)

#: Suffixes of files with a single frame, which are counted without opening them.
_STILL = frozenset({".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Frame:
    """One picture of a stream.

    Attributes:
        image: [H, W, 3] uint8 RGB, upright.
        index: number of the frame in its input, from 0, including skipped frames.
        timestamp: seconds since the first frame of the input, non-decreasing; 0 for a picture.
        input: the path, escaped by ``fbn.faces.files.printable``, or ``camera N``.
    """

    image: np.ndarray
    index: int = 0
    timestamp: float = 0.0
    input: str = ""


@dataclass(frozen=True)
class Inputs:
    """The files of a path.

    Attributes:
        files: pictures and videos, sorted; recognised by suffix or contents.
        left_out: other files.
        errors: descriptions of folders that cannot be listed and of broken links.
    """

    files: tuple[Path, ...]
    left_out: tuple[Path, ...] = ()
    errors: tuple[FbnError, ...] = ()

    def describe_left_out(self) -> str:
        """Return a message with the number of skipped files and the names of the first ones."""
        count = len(self.left_out)
        return f"left out {count} that are neither pictures nor videos: {_list_names(self.left_out)}"


def find_inputs(path: str | Path) -> Inputs:
    """Find the pictures and videos of a path: the file itself, or all files below a folder.

    System files (``fbn.faces.files.is_clutter``) are ignored.

    Raises:
        MissingFileError: no such path, or a folder without pictures, videos and errors.
        FbnError: the path cannot be accessed.
    """
    path = Path(path)
    try:
        os.stat(path)
    except OSError as error:
        raise describe(error, path) from error
    if not path.is_dir():
        return Inputs((path,))
    errors: list[FbnError] = []
    files: list[Path] = []
    left_out: list[Path] = []
    for file in sorted(walk(path, errors.append)):
        (files if _is_input(file) else left_out).append(file)
    if not files and not errors:
        found = f", only {_list_names(left_out)}" if left_out else ""
        raise MissingFileError(f"{printable(path)}: the folder holds no picture and no video{found}")
    return Inputs(tuple(files), tuple(left_out), tuple(errors))


def _list_names(paths: Sequence[Path], count: int = 3) -> str:
    more = len(paths) - count
    return ", ".join(printable(path.name) for path in paths[:count]) + (f" and {more} more" if more > 0 else "")


def _is_input(path: Path) -> bool:
    if path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES | UNREADABLE_SUFFIXES:
        return True
    try:
        with opened(path) as file:
            return is_picture(file) or is_heif(file) or is_video(file)
    except FbnError:  # it may be one: reading it raises the error
        return True


def frame_count(path: Path) -> int:
    """Estimate the number of frames of an input, for a progress bar: 1 for a picture and for an unreadable file."""
    if path.suffix.lower() in _STILL:
        return 1
    try:
        with opened(path) as file:
            if _kind(path, file) == "video":
                with open_video(file, "", path.suffix.lower() in MOTION_JPEG_SUFFIXES) as container:
                    return count_frames(container)
            with open_picture(file, "") as picture:
                return int(getattr(picture, "n_frames", 1)) if is_animated(picture) else 1
    except FbnError:
        return 1


def open_source(
    source: str | Path | int,
    every: int = 1,
    on_error: Callable[[FbnError], None] | None = None,
    notify: Notify = warnings.warn,
) -> Iterator[Frame]:
    """Iterate over the frames of a picture, a folder (recursive, sorted), a video or a camera.

    An animated GIF, WebP, PNG or AVIF is a video. Files are recognised by contents, not by suffix.

    Args:
        source: a path, or the number of a camera.
        every: read every n-th frame of a video or camera; the others are not converted.
        on_error: called with the error of each input that fails, after its readable frames; None: raise it.
        notify: called with warnings: interpolated times, further pages, skipped files of a folder.

    Raises:
        FbnError: see ``read_file`` and ``find_inputs``; only if ``on_error`` is None.
    """

    def report(error: FbnError) -> None:
        if on_error is None:
            raise error
        on_error(error)

    try:
        if isinstance(source, int):
            yield from _read_camera(source, every)
            return
        inputs = find_inputs(source)
    except FbnError as error:
        report(error)
        return
    if inputs.left_out:
        notify(f"{printable(source)}: {inputs.describe_left_out()}")
    for unreadable in inputs.errors:
        report(unreadable)
    for path in inputs.files:
        try:
            yield from read_file(path, every, notify)
        except FbnError as error:
            report(error)


def read_file(path: str | Path, every: int = 1, notify: Notify = warnings.warn) -> Iterator[Frame]:
    """Iterate over the frames of a picture or video file, with constant memory.

    Args:
        path: the file.
        every: read every n-th frame of a video.
        notify: see ``open_source``.

    Raises:
        MissingFileError: no such file.
        FormatError: neither a picture nor a video, or damaged; raised after the readable frames.
        FbnError: no permission, or an error of the disk.
    """
    path, name = Path(path), printable(path)
    with opened(path) as file:
        kind = _kind(path, file)
        if kind == "video":
            with open_video(file, name, path.suffix.lower() in MOTION_JPEG_SUFFIXES) as container:
                for index, seconds, image in video_frames(container, name, every, notify):
                    yield Frame(image, index, seconds, name)
            return
        if kind == "unknown" and file.read(1):
            raise FormatError(f"{name}: neither a picture nor a video that can be read")
        with open_picture(file, name) as picture:
            if is_animated(picture):
                for index, seconds, image in animation(picture, file, name, every, notify):
                    yield Frame(image, index, seconds, name)
                return
        file.seek(0)
        yield Frame(decode_picture(file, name, notify), input=name)


def _kind(path: Path, file: BinaryIO) -> Literal["picture", "video", "unknown"]:
    """Classify a file by contents; if that fails, by suffix, so that the error message fits."""
    suffix = path.suffix.lower()
    if suffix in MOTION_JPEG_SUFFIXES:
        return "video"
    if is_picture(file) or is_heif(file):
        return "picture"
    if suffix in VIDEO_SUFFIXES or is_video(file):
        return "video"
    return "picture" if suffix in PICTURE_SUFFIXES else "unknown"


def _read_camera(number: int, every: int) -> Iterator[Frame]:
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise MissingFileError(f"camera {number}: cannot be opened (is one connected, and not in use?)")
        start, index = None, 0
        while capture.grab():
            now = time.monotonic()
            start = now if start is None else start
            if index % every == 0:
                decoded, image = capture.retrieve()
                if not decoded:
                    break
                yield Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), index, now - start, f"camera {number}")
            index += 1
    finally:
        capture.release()
