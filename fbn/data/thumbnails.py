"""Thumbnails of pictures as ``data:`` URLs, for HTML; "" if a picture cannot be read."""

import base64
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps

from fbn.data.pictures import read_file
from fbn.errors import FbnError
from fbn.faces.pictures import MAX_PIXELS
from fbn.records import Sample

#: Longer side in pixels of a picture to label, and of an example.
_LARGE, _SMALL = 352, 176


def file_thumbnail(path: Path) -> str:
    """Return the thumbnail of a picture file, at most 352 pixels wide and high."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return _of_file(str(path), about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=512)
def _of_file(path: str, changed: int, size: int) -> str:
    try:
        with open(path, "rb") as file:
            return _jpeg_url(file, _LARGE)
    except OSError:
        return ""


@lru_cache(maxsize=256)
def _of_member(root: str, path: str, changed: int) -> str:
    try:
        return _jpeg_url(BytesIO(read_file(root, path)), _SMALL)
    except (FbnError, OSError):
        return ""


def sample_thumbnail(sample: Sample) -> str:
    """Return the thumbnail of a sample's picture, at most 176 pixels wide and high."""
    try:
        root = Path(sample.root)
        changed = (root if root.is_file() else root / sample.path).stat().st_mtime_ns
    except OSError:
        return ""
    return _of_member(sample.root, sample.path, changed)


def png_url(path: Path) -> str:
    """Return a PNG file, unchanged."""
    try:
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError:
        return ""


def _jpeg_url(file: BinaryIO, side: int) -> str:
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return ""
            # decodes a large JPEG at down to an eighth of its size, which is faster
            picture.draft("RGB", (side, side))
            small = ImageOps.exif_transpose(picture).convert("RGB")
            small.thumbnail((side, side))
    except Exception:  # decoders raise many kinds of errors on invalid data
        return ""
    packed = BytesIO()
    small.save(packed, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"
