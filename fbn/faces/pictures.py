"""Decoding of picture files of any colour model and bit depth to [H, W, 3] uint8 RGB, and of animations."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin

from fbn.errors import FbnError, FormatError
from fbn.faces.arrays import GROUND, to_eight_bits
from fbn.faces.files import opened, printable

#: Suffixes of supported pictures; other files are recognised by contents.
PICTURE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif"),
        *(".avif", ".jp2", ".j2k", ".mpo", ".pbm", ".pgm", ".ppm", ".pnm", ".qoi"),
    }
)
#: Suffixes of pictures without a decoder: they are reported as errors, not skipped.
UNREADABLE_SUFFIXES = frozenset(
    {".heic", ".heif", ".jxl", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".raf", ".rw2", ".psd", ".svg"}
)
#: Larger pictures are rejected before decoding, to limit memory (3 bytes per pixel).
MAX_PIXELS = 40_000_000
_LIMIT = f"expected at most {MAX_PIXELS // 10**6} megapixels"
#: Pillow also has formats without a signature, and formats that run an external program.
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM", "QOI")
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
_HEIF = (b"ftypheic", b"ftypheix", b"ftypheim", b"ftypheis", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
_ORIENTATION = 0x112
#: Seconds of an animation frame without a duration, as in browsers.
_DEFAULT_DURATION = 0.1

# decode_picture checks MAX_PIXELS with a better message
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# exceptions replace what OpenCV would write to the terminal
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

#: Called with each warning for the user, once per cause.
Notify = Callable[[str], None]


def read_picture(path: str | Path, notify: Notify = warnings.warn) -> np.ndarray:
    """Decode a picture to [H, W, 3] uint8 RGB, rotated by its EXIF tag.

    Gray is repeated, transparency is blended with mid-gray, and more than 8 bits are scaled by
    ``fbn.faces.arrays.to_eight_bits``. Only the first frame of an animation and the first page of a TIFF are read.

    Args:
        path: the file; it is recognised by contents, not by suffix.
        notify: called with a warning if there are further pages.

    Raises:
        MissingFileError: no such file.
        FormatError: empty, truncated, not a picture, or more than ``MAX_PIXELS``.
        FbnError: no permission, or an error of the disk.
    """
    with opened(path) as file:
        return decode_picture(file, printable(path), notify)


def png_bytes(image: np.ndarray) -> bytes:
    """Encode an [H, W, 3] uint8 RGB picture as a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def decode_picture(file: BinaryIO, name: str, notify: Notify = warnings.warn, upright: bool = True) -> np.ndarray:
    """Decode a picture from an open file, as in ``read_picture``; ``name`` is used in messages.

    With ``upright=False`` the EXIF tag is ignored, except in a TIFF.
    """
    with open_picture(file, name) as picture:
        if picture.format == "TIFF" and (pages := getattr(picture, "n_frames", 1)) > 1:
            notify(f"{name}: has {pages} pages, the first is read")
        return _rgb(picture, file, name, upright)


@contextmanager
def open_picture(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    """Open a picture and read its header; errors of decoders in the context become FormatError.

    Raises:
        FormatError: empty, not a picture, damaged, or more than ``MAX_PIXELS``.
    """
    try:
        if _is_tiff(file) and not _identified(file):
            yield _unusual_tiff(file, name)
            return
        with Image.open(file, formats=_FORMATS) as picture:
            _check_size(*picture.size, name)
            yield picture
    except FbnError:
        raise
    except Image.DecompressionBombError as error:
        raise FormatError(f"{name}: {_LIMIT}, found far more") from error
    except Image.UnidentifiedImageError as error:
        raise FormatError(f"{name}: {_unknown(file)}") from error
    except Exception as error:  # decoders raise exceptions of many types for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the operating system's
        raise FormatError(f"{name}: damaged picture ({error})") from error


def is_picture(file: BinaryIO) -> bool:
    """Whether a file starts like a supported picture. Resets the position to the start."""
    return _is_tiff(file) or _identified(file)


def _identified(file: BinaryIO) -> bool:
    try:
        with Image.open(file, formats=_FORMATS):
            return True
    except Image.UnidentifiedImageError:
        return False
    except Exception as error:  # a damaged picture: reading it raises the error
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return True
    finally:
        file.seek(0)


def is_heif(file: BinaryIO) -> bool:
    """Whether a file is a HEIC or HEIF picture. Resets the position to the start."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    return head[4:] in _HEIF


def _is_tiff(file: BinaryIO) -> bool:
    head = file.read(4)
    file.seek(0)
    return head in (b"II*\0", b"MM\0*")


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise FormatError(f"{name}: {width}x{height} pixels, {_LIMIT}")


def _unknown(file: BinaryIO) -> str:
    if is_heif(file):
        return "a HEIC picture, which cannot be read here; save it as JPEG"
    if not file.read(1):
        return "the file is empty, expected a picture"
    return "not a picture that can be read"


def is_animated(picture: Image.Image) -> bool:
    """Whether a picture is an animation: GIF, WebP, PNG or AVIF with more than one frame."""
    return picture.format in _ANIMATED and getattr(picture, "is_animated", False)


def animation(
    picture: Image.Image, file: BinaryIO, name: str, every: int, notify: Notify
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield index, seconds since the first and pixels of every n-th frame of an animation."""
    seconds, timed = 0.0, True
    # an APNG may have a still picture for other viewers, which is not a frame
    first = int(bool(picture.info.get("default_image")))
    for index in range(getattr(picture, "n_frames", 1) - first):
        picture.seek(index + first)
        image = _rgb(picture, file, name)  # also sets the duration
        if index % every == 0:
            yield index, seconds, image
        duration = float(picture.info.get("duration") or 0) / 1000
        if duration <= 0 and timed:
            timed = False
            notify(f"{name}: has frames without a duration, taken as {_DEFAULT_DURATION:g} s")
        seconds += duration if duration > 0 else _DEFAULT_DURATION


def scaled(values: np.ndarray, name: str) -> np.ndarray:
    """Scale pixels to uint8 by ``fbn.faces.arrays.to_eight_bits``, with non-finite values as 0.

    Raises:
        FormatError: negative values.
    """
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, np.float32(0)).astype(np.float32, copy=False)
    return to_eight_bits(values, f"{name}: a picture")


def on_gray(picture: Image.Image) -> Image.Image:
    """Blend a picture with transparency with mid-gray."""
    ground = Image.new("RGBA", picture.size, (GROUND, GROUND, GROUND, 255))
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def _rgb(picture: Image.Image, file: BinaryIO, name: str, upright: bool = True) -> np.ndarray:
    if _is_deep_colour(picture) and (image := _deep_colour(file, name)) is not None:
        image.getexif()[_ORIENTATION] = picture.getexif().get(_ORIENTATION, 1)
        return np.asarray(ImageOps.exif_transpose(image) if upright else image)
    picture = ImageOps.exif_transpose(picture) if upright else picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.repeat(scaled(np.asarray(picture), name)[..., None], 3, axis=2)
    if picture.mode == "LAB":
        spaces = (ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"))
        picture = ImageCms.applyTransform(picture, ImageCms.buildTransform(*spaces, "LAB", "RGB")) or picture
    if picture.has_transparency_data:
        return np.asarray(on_gray(picture))
    return np.asarray(picture.convert("RGB"))


def _is_deep_colour(picture: Image.Image) -> bool:
    """Whether Pillow would truncate 16-bit colours to 8 bits, which loses the range of 10- or 12-bit data."""
    return picture.mode in ("RGB", "RGBA", "LA") and any(";16" in str(tile[3]) for tile in getattr(picture, "tile", ()))


def _unusual_tiff(file: BinaryIO, name: str) -> Image.Image:
    """Decode a TIFF of a data type that Pillow does not support, such as floating-point colours."""
    about = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
    file.seek(about.next)
    about.load(file)
    _check_size(int(about[256]), int(about[257]), name)
    if (image := _deep_colour(file, name)) is None:
        raise FormatError(f"{name}: a TIFF of a kind that cannot be read")
    return image


def _deep_colour(file: BinaryIO, name: str) -> Image.Image | None:
    file.seek(0)
    values = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        return None
    if values.ndim == 2:
        return Image.fromarray(scaled(values, name))
    colours = Image.fromarray(scaled(np.ascontiguousarray(values[..., 2::-1]), name))
    if values.shape[2] == 4:
        colours.putalpha(Image.fromarray(scaled(values[..., 3], name)))
        colours = on_gray(colours)
    return colours
