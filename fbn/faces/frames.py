"""Where frames come from: a picture, a folder, a video, a camera; all become the same RGB frames."""

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

#: Never more than one frame: these need not be opened to be counted.
_STILL = frozenset({".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Frame:
    """One picture of a stream.

    Attributes:
        image: [H, W, 3] uint8 RGB, upright.
        index: number of the frame in its input, from 0; skipped frames count.
        timestamp: seconds since the input's first frame, never falling; 0 for a picture.
        input: the path as ``fbn.faces.files.printable`` writes it, or ``camera N``.
    """

    image: np.ndarray
    index: int = 0
    timestamp: float = 0.0
    input: str = ""


@dataclass(frozen=True)
class Inputs:
    """What a path names.

    Attributes:
        files: pictures and videos, sorted: those whose name says so, and others that hold one.
        left_out: other files.
        errors: folders that cannot be listed, links that lead nowhere.
    """

    files: tuple[Path, ...]
    left_out: tuple[Path, ...] = ()
    errors: tuple[FbnError, ...] = ()

    def describe_left_out(self) -> str:
        """How many files were left out, and the names of the first."""
        count = len(self.left_out)
        return f"left out {count} that are neither pictures nor videos: {_name_some(self.left_out)}"


def find_inputs(path: str | Path) -> Inputs:
    """The pictures and videos a path names: the file itself, or all below a folder.

    What systems leave in folders (``fbn.faces.files.is_clutter``) is neither read nor counted.

    Raises:
        MissingFileError: no such path, or a folder in which there is nothing to read and nothing to report.
        FbnError: it cannot be looked at.
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
        found = f", only {_name_some(left_out)}" if left_out else ""
        raise MissingFileError(f"{printable(path)}: the folder holds no picture and no video{found}")
    return Inputs(tuple(files), tuple(left_out), tuple(errors))


def _name_some(paths: Sequence[Path], most: int = 3) -> str:
    more = len(paths) - most
    return ", ".join(printable(path.name) for path in paths[:most]) + (f" and {more} more" if more > 0 else "")


def _is_input(path: Path) -> bool:
    if path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES | UNREADABLE_SUFFIXES:
        return True
    try:
        with opened(path) as file:
            return is_picture(file) or is_heif(file) or is_video(file)
    except FbnError:  # it may be one: reading it says what is wrong
        return True


def frame_count(path: Path) -> int:
    """About how many frames an input has, for a progress bar: 1 for a picture and for what cannot be read."""
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
    """The frames of a picture, a folder (walked, sorted), a video or a camera, one at a time.

    An animated GIF, WebP, PNG or AVIF is a video. What a file holds counts, not its suffix.

    Args:
        source: a path, or a camera's number.
        every: of a video or camera take each n-th frame; the others are not converted.
        on_error: told of each input that fails, after its readable frames; without it the error is raised.
        notify: told what a reader of the results should know: times that had to be filled in, further pages, files of
            a folder that were left out.

    Raises:
        FbnError: see ``read_file``, ``find_inputs``; only where ``on_error`` is None.
    """

    def complain(error: FbnError) -> None:
        if on_error is None:
            raise error
        on_error(error)

    try:
        if isinstance(source, int):
            yield from _read_camera(source, every)
            return
        inputs = find_inputs(source)
    except FbnError as error:
        complain(error)
        return
    if inputs.left_out:
        notify(f"{printable(source)}: {inputs.describe_left_out()}")
    for unseen in inputs.errors:
        complain(unseen)
    for path in inputs.files:
        try:
            yield from read_file(path, every, notify)
        except FbnError as error:
            complain(error)


def read_file(path: str | Path, every: int = 1, notify: Notify = warnings.warn) -> Iterator[Frame]:
    """The frames of a picture or video file; memory does not grow with its length.

    Args:
        path: the file.
        every: of a video take each n-th frame.
        notify: as for ``open_source``.

    Raises:
        MissingFileError: no such file.
        FormatError: neither a picture nor a video, or damaged; the frames that could be read have been yielded by then.
        FbnError: no permission, or the disk fails.
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
    """What to read a file as: by what it holds; one that holds neither by its name, so that errors fit it."""
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
