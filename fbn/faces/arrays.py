"""Pictures in memory: whatever array can be meant as one becomes [H, W, 3] uint8 RGB, the rest is refused in words."""

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from fbn.errors import FormatError

#: What transparency is laid on, as in pictures read from files.
GROUND = 127
#: Counts fill one of these, in bits: the smallest that holds the largest value. 10, 12 and 14 are cameras'.
_DEPTHS = (8, 10, 12, 14, 16)
#: How far beyond its ends, as a share, resampling puts values of a float picture.
_OVERSHOOT = 0.2
_EXPECTED = "expected [H, W, 3] RGB, [H, W] gray or [H, W, 4] RGBA, as uint8, other counts from 0, or floats in [0, 1]"


class PictureError(FormatError, ValueError):
    """An object that cannot be meant as a picture; the message says its shape or type."""


def as_rgb(image: Any) -> np.ndarray:
    """A picture in memory as the rest of fbn takes it.

    Channels: gray [H, W] or [H, W, 1] is repeated; of [H, W, 2] and [H, W, 4] the last channel is opacity, and what
    is transparent is laid on mid-gray; channels may stand first, as torch has them. Three channels are taken for RGB:
    the order of OpenCV's BGR cannot be seen in an array.

    Values: uint8 stays. Other integers are counts from 0 and are scaled from the smallest of 8, 10, 12, 14 and 16 bits
    that holds their maximum. Floats up to 1 are shares of white, those above are counts too; what resampling put
    slightly beyond the ends is clipped. False and True are black and white.

    Args:
        image: a NumPy array, PIL picture (turned upright by its EXIF tag), torch tensor, or nested list.

    Returns:
        [H, W, 3] uint8 RGB; ``image`` itself where it is that already, else a new array.

    Raises:
        PictureError: another shape or type, no pixel, or values that are not finite, negative or above 65535.
    """
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        if not image.size:
            raise PictureError(f"picture of shape {list(image.shape)} without a pixel: {_EXPECTED}")
        return image
    pixels = _eight_bits(_channels_last(_array(image)))
    if pixels.shape[2] in (2, 4):
        opacity = pixels[..., -1:].astype(np.float32) / 255
        pixels = np.rint(pixels[..., :-1] * opacity + GROUND * (1 - opacity)).astype(np.uint8)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)


def _array(image: Any) -> np.ndarray:
    """What holds the values, of whatever type that is."""
    if isinstance(image, Image.Image):
        return _of_pillow(image)
    if hasattr(image, "detach"):  # a torch tensor; faces are found without torch
        image = image.detach().cpu()
    elif not isinstance(image, (np.ndarray, list, tuple)) and not hasattr(image, "__array__"):
        raise PictureError(f"{type(image).__name__} is no picture: {_EXPECTED}; files are read by read_picture")
    try:
        return np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PictureError(f"{type(image).__name__} cannot be read as an array ({error}): {_EXPECTED}") from None


def _of_pillow(picture: Image.Image) -> np.ndarray:
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        return np.asarray(picture.convert("RGBA"))
    deep = picture.mode.startswith("I") or picture.mode in ("F", "L")
    return np.asarray(picture if deep else picture.convert("RGB"))


def _channels_last(array: np.ndarray) -> np.ndarray:
    shape = array.shape
    if array.ndim == 2:
        array = array[..., None]
    elif array.ndim == 3 and shape[2] not in (1, 2, 3, 4) and shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4) or not array.size:
        several = "; give the pictures of a batch one by one" if array.ndim == 4 else ""
        raise PictureError(f"picture of shape {list(shape)}: {_EXPECTED}{several}")
    return array


def _eight_bits(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(values.dtype, np.integer) and not np.issubdtype(values.dtype, np.floating):
        raise PictureError(f"picture of type {values.dtype}: {_EXPECTED}")
    floats = np.issubdtype(values.dtype, np.floating)
    low, high = float(values.min()), float(values.max())  # nan where any value is
    if not np.isfinite([low, high]).all():
        raise PictureError(f"picture of type {values.dtype} with values that are not finite: {_EXPECTED}")
    beyond = _OVERSHOOT if floats else 0.0
    tops = ([1.0] if floats else []) + [2.0**bits - 1 for bits in _DEPTHS]
    top = next((top for top in tops if high <= top * (1 + beyond)), 0.0)
    if not top or low < -beyond * top:
        raise PictureError(f"picture of type {values.dtype} with values from {low:g} to {high:g}: {_EXPECTED}")
    return np.rint(np.clip(values.astype(np.float32) * (255 / top), 0, 255)).astype(np.uint8)
