"""Conversion of arrays, PIL pictures and tensors to [H, W, 3] uint8 RGB."""

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from fbn.errors import FormatError

#: Grey level of the background of transparent pictures, as for pictures read from files.
GROUND = 127
#: Largest bit depth of integer pixels.
_MAX_BITS = 32
#: Floats up to ``_UNIT`` are in the range [0, 1]. Resampling and sharpening may exceed the range of other floats by the
#: fraction ``_BEYOND``.
_UNIT, _BEYOND = 2.0, 0.2
_EXPECTED = "expected [H, W, 3] RGB, [H, W] gray or [H, W, 4] RGBA, as uint8, other counts from 0, or floats in [0, 1]"


class PictureError(FormatError, ValueError):
    """An object that is not a picture; the message gives its shape or type."""


def as_rgb(image: Any) -> np.ndarray:
    """Convert a picture to [H, W, 3] uint8 RGB.

    Channels: gray [H, W] or [H, W, 1] is repeated; the last channel of [H, W, 2] and [H, W, 4] is opacity, blended with
    mid-gray; channels may be first, as in torch. Three channels are interpreted as RGB, since OpenCV's BGR cannot be
    distinguished.

    Values: scaled by ``to_eight_bits``.

    Args:
        image: a NumPy array, PIL picture (rotated by its EXIF tag), torch tensor, or nested list.

    Returns:
        [H, W, 3] uint8 RGB; ``image`` itself if it has that format, else a new array.

    Raises:
        PictureError: another shape or type, no pixels, or values that are not finite or negative.
    """
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        if not image.size:
            raise PictureError(f"picture of shape {list(image.shape)} without a pixel: {_EXPECTED}")
        return image
    pixels = to_eight_bits(_channels_last(_array(image)))
    if pixels.shape[2] in (2, 4):
        opacity = pixels[..., -1:].astype(np.float32) / 255
        pixels = np.rint(pixels[..., :-1] * opacity + GROUND * (1 - opacity)).astype(np.uint8)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)


def _array(image: Any) -> np.ndarray:
    """Convert the object to an array of any type."""
    if isinstance(image, Image.Image):
        return _of_pillow(image)
    if hasattr(image, "detach"):  # a torch tensor; this module does not import torch
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


def to_eight_bits(values: np.ndarray, name: str = "picture") -> np.ndarray:
    """Scale pixels of any numeric type to uint8, by the range of their values.

    White is 1 for floats up to 2, else the largest value of the smallest bit depth among 8, 10, 12, 14, 16, ... 32 that
    holds all values: 12-bit data stored in 16 bits are treated as 12-bit. False and True are black and white. Values
    slightly outside the range, e.g. from resampling, are clipped.

    Args:
        values: an array of any shape.
        name: name of the picture in error messages.

    Raises:
        PictureError: another type, or values that are not finite or negative.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    floating = values.dtype.kind == "f"
    if not floating and values.dtype.kind not in "iu":
        raise PictureError(f"{name} of type {values.dtype}: {_EXPECTED}")
    low, high = float(values.min(initial=0)), float(values.max(initial=0))  # NaN if any value is NaN
    if not np.isfinite([low, high]).all():
        raise PictureError(f"{name} of type {values.dtype} with values that are not finite: {_EXPECTED}")
    bits = max(8, 2 * int(np.ceil(np.log2(high / (1 + _BEYOND * floating) + 1) / 2)))
    full = 1.0 if floating and high <= _UNIT else 2.0**bits - 1
    if bits > _MAX_BITS or low < -_BEYOND * full * floating:
        raise PictureError(f"{name} of type {values.dtype} with values from {low:g} to {high:g}: {_EXPECTED}")
    if values.dtype == np.uint16:
        table = np.rint(np.arange(2**16) * (255 / full)).clip(0, 255).astype(np.uint8)
        return table[values]
    return np.rint(values.astype(np.float32) * np.float32(255 / full)).clip(0, 255).astype(np.uint8)
