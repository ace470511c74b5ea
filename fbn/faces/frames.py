"""Where frames come from: a picture, a folder, a video, a camera; all become the same RGB frames."""

import os
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps

from fbn.errors import FbnError, FormatError, MissingFileError

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mjpeg"})
#: A larger picture is refused before it is decoded: three bytes a pixel must fit beside everything else.
MAX_PIXELS = 40_000_000
_GRAY = (127, 127, 127)

# read_picture refuses by MAX_PIXELS itself and words it better
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# FFmpeg writes what is wrong with a file to stderr; read_video says it in one line (-8: quiet)
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# OpenCV warns of unreadable files too
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


@dataclass(frozen=True)
class Frame:
    """One picture of a stream.

    Attributes:
        image: [H, W, 3] uint8 RGB, upright.
        index: number of the frame in its input, from 0; skipped frames count.
        timestamp: seconds since the input's first frame; 0 for a picture.
        input: the path, or ``camera N``.
    """

    image: np.ndarray
    index: int = 0
    timestamp: float = 0.0
    input: str = ""


def read_picture(path: str | Path) -> np.ndarray:
    """Decode a picture of any colour model: [H, W, 3] uint8 RGB, turned upright by its EXIF tag.

    Gray is repeated, 16 bits keep their upper 8, transparency is laid on mid-gray.

    Raises:
        MissingFileError: no such file.
        FormatError: empty, truncated, not a picture, or more than ``MAX_PIXELS``.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise FormatError(f"{path}: the file is empty, expected a picture")
    return decode_picture(path, str(path))


def decode_picture(file: Path | BinaryIO, name: str) -> np.ndarray:
    """Decode a picture from a file or what one holds; as ``read_picture``, errors call it ``name``."""
    limit = f"expected at most {MAX_PIXELS // 10**6} megapixels"
    try:
        with Image.open(file) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise FormatError(f"{name}: {width}x{height} pixels, {limit}")
            return _rgb(ImageOps.exif_transpose(picture))
    except FormatError:
        raise
    except Image.DecompressionBombError as error:
        raise FormatError(f"{name}: {limit}, found far more") from error
    except Image.UnidentifiedImageError as error:
        raise FormatError(f"{name}: not a picture that can be read ({', '.join(sorted(PICTURE_SUFFIXES))})") from error
    except Exception as error:  # decoders raise nearly anything on broken bytes
        raise FormatError(f"{name}: damaged picture ({error})") from error


def _rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        # 16-bit gray fills 65535; floating point pictures are either in [0, 1] or in 8-bit counts
        top = 65535.0 if picture.mode != "F" else (1.0 if values.max(initial=0) <= 1 else 255.0)
        gray = (values * (255.0 / top)).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, (*_GRAY, 255))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))


def find_inputs(path: str | Path) -> list[Path]:
    """The pictures and videos a path names: the file itself, or all below a folder, sorted.

    Raises:
        MissingFileError: no such path, or a folder that holds none.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFileError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    known = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in known and p.is_file())
    if not found:
        raise MissingFileError(f"{path}: the folder holds no picture and no video ({', '.join(sorted(known))})")
    return found


def frame_count(path: Path) -> int:
    """About how many frames an input has, for a progress bar: 1 for a picture, what the container says of a video."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return 1
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(count, 1)


def open_source(
    source: str | Path | int, every: int = 1, on_error: Callable[[FbnError], None] | None = None
) -> Iterator[Frame]:
    """The frames of a picture, a folder (walked, sorted), a video or a camera, one at a time.

    Args:
        source: a path, or a camera's number.
        every: of a video or camera take each n-th frame; the others are not decoded.
        on_error: told of each input that fails, after its readable frames; without it the error is raised.

    Raises:
        FbnError: see ``read_picture``, ``read_video``, ``find_inputs``; only where ``on_error`` is None.
    """
    try:
        if isinstance(source, int):
            yield from _read_camera(source, every)
            return
        inputs = find_inputs(source)
    except FbnError as error:
        if on_error is None:
            raise
        on_error(error)
        return
    for path in inputs:
        try:
            if path.suffix.lower() in VIDEO_SUFFIXES:
                yield from read_video(path, every)
            else:
                yield Frame(read_picture(path), input=str(path))
        except FbnError as error:
            if on_error is None:
                raise
            on_error(error)


def read_video(path: str | Path, every: int = 1) -> Iterator[Frame]:
    """The frames of a video file with the container's timestamps; memory does not grow with its length.

    Raises:
        MissingFileError: no such file.
        FormatError: not a video, or it breaks off before the frame count its header promises; the frames before the
            break have been yielded by then.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise FormatError(f"{path}: not a video that can be read (empty, truncated, or of an unknown format)")
        size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)) * int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if size > MAX_PIXELS:
            raise FormatError(f"{path}: expected at most {MAX_PIXELS // 10**6} megapixels a frame, found {size}")
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        read, seconds = yield from _read_capture(capture, every, str(path))
        # containers without a frame table estimate their count from length and rate, wrongly where the rate varies:
        # so a file is whole when either its frames or its length came, give or take a little
        enough = promised - max(2, promised // 50)
        if read == 0 or max(read, seconds * capture.get(cv2.CAP_PROP_FPS) + 1) < enough:
            raise FormatError(f"{path}: damaged video, {read} of {promised} frames could be read")
    finally:
        capture.release()


def _read_camera(number: int, every: int) -> Iterator[Frame]:
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise MissingFileError(f"camera {number}: cannot be opened (is one connected, and not in use?)")
        yield from _read_capture(capture, every, f"camera {number}", clock=time.monotonic)
    finally:
        capture.release()


def _read_capture(
    capture: cv2.VideoCapture, every: int, name: str, clock: Callable[[], float] | None = None
) -> Generator[Frame, None, tuple[int, float]]:
    """Yield each n-th frame; return how many there were and the last one's timestamp."""
    start, index, seconds = None, 0, 0.0
    while capture.grab():
        now = clock() if clock else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        start = now if start is None else start
        seconds = now - start
        if index % every == 0:
            decoded, image = capture.retrieve()
            if not decoded:
                break
            yield Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), index, seconds, name)
        index += 1
    return index, seconds
