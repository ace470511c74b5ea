"""Data augmentation: position, lens, light, colour, sharpness, compression, occlusion and background of a face.

Pictures stay uint8; brightness, contrast, gamma and colour cast are one look-up table. One core augments 700 to 3,000
pictures per second, depending on the settings.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.data import outline

Ratio = Annotated[float, Field(ge=0.5, le=2)]


class Augmentation(BaseModel):
    """Settings of the augmentation; probabilities are per picture.

    Attributes:
        rotation: maximal rotation in degrees, in both directions.
        scale: minimal and maximal scale factor.
        shift: maximal shift along each axis, in both directions, as a fraction of the crop's side.
        flip: probability of a horizontal flip.
        light: strength of brightness, contrast, gamma and colour cast; 0 disables them.
        gray: probability of conversion to gray.
        dark: probability of a dark, noisy picture.
        blur: probability of blur.
        jpeg: probability of JPEG compression.
        small: probability of downscaling to 32 to 80 pixels and back, as for small faces.
        erase: probability of one or two erased blocks.
        aspect: minimal and maximal change of the aspect ratio (width to height), as a factor.
        lens: maximal relative change of scale from the middle to the edge of the crop, as from perspective and tilt.
        colour: strength of changes of saturation and hue.
        shade: probability of light from one side, or of the edge of a shadow across the face.
        outline: probability of replacing everything outside the face's outline.
        fill: probability of replacing the black background of a face that was cut out along its outline.
        textured: fraction of the erased blocks that are filled with another picture instead of one colour.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rotation: float = Field(default=12, ge=0, le=180)
    scale: tuple[float, float] = (0.87, 1.15)
    shift: float = Field(default=0.08, ge=0, le=0.5)
    flip: float = Field(default=0.5, ge=0, le=1)
    light: float = Field(default=1.0, ge=0, le=2)
    gray: float = Field(default=0.3, ge=0, le=1)
    dark: float = Field(default=0.1, ge=0, le=1)
    blur: float = Field(default=0.15, ge=0, le=1)
    jpeg: float = Field(default=0.2, ge=0, le=1)
    small: float = Field(default=0.3, ge=0, le=1)
    erase: float = Field(default=0.5, ge=0, le=1)
    aspect: tuple[Ratio, Ratio] = (1.0, 1.0)
    lens: float = Field(default=0, ge=0, le=0.3)
    colour: float = Field(default=0, ge=0, le=2)
    shade: float = Field(default=0, ge=0, le=1)
    outline: float = Field(default=0, ge=0, le=1)
    fill: float = Field(default=0, ge=0, le=1)
    textured: float = Field(default=0, ge=0, le=1)


def centre(crops: np.ndarray, size: int = 112) -> np.ndarray:
    """Cut off the margin of [..., S, S, 3] crops; they are [..., size, size, 3] then."""
    margin = (crops.shape[-2] - size) // 2
    return crops[..., margin : margin + size, margin : margin + size, :]


def resize_crops(crops: np.ndarray, side: int, size: int = 112) -> np.ndarray:
    """Cut off the margin of [N, S, S, 3] uint8 crops and resize them to [N, side, side, 3].

    Args:
        crops: crops with a margin.
        side: side of the results.
        size: side of the crop without its margin; the interpolation is that of ``augment``.
    """
    views = centre(crops, size)
    if side == size:
        return views
    return np.stack([cv2.resize(view, (side, side), interpolation=cv2.INTER_LINEAR) for view in views])


def augment(
    crop: np.ndarray,
    generator: np.random.Generator,
    how: Augmentation,
    size: int = 112,
    side: int | None = None,
    other: Callable[[float], np.ndarray] | None = None,
) -> np.ndarray:
    """Augment a crop; a pure function of its arguments and the generator's state.

    Args:
        crop: [S, S, 3] uint8 RGB with a margin around the middle ``size`` pixels.
        generator: source of all random numbers.
        how: settings of the augmentation.
        size: side of the crop without its margin.
        side: side of the result, ``size`` by default; a smaller one gives a lower resolution.
        other: maps a random number in [0, 1) to another crop, for backgrounds and erased blocks; ``crop`` by default.

    Returns:
        [side, side, 3] uint8 RGB.
    """
    # always draw the same number of values, so that disabling one transformation does not change the others
    draw = generator.random(80)
    another = other or (lambda _: crop)
    picture = _warp(
        _replace_background(crop, draw[40:54], how, size, another),
        draw[[*range(5), *range(54, 59)]],
        how,
        size,
        side or size,
    )
    if how.colour > 0:
        picture = _recolour(picture, how.colour * (2 * draw[59:61] - 1))
    if draw[61] < how.shade:
        picture = _shade(picture, draw[62:67])
    if draw[5] < how.small:
        picture = _shrink(picture, int(32 + 48 * draw[6]))
    if draw[7] < how.blur:
        picture = _blur(picture, draw[8], draw[9])
    if draw[10] < how.gray:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    dark = draw[11] < how.dark
    if how.light > 0 or dark:
        picture = _light(picture, draw[12:20], how.light, dark)
    if dark:
        picture = _grain(picture, draw[20], 4 + 14 * draw[21])
    if draw[22] < how.jpeg:
        picture = _compress(picture, int(15 + 65 * draw[23]))
    if draw[24] < how.erase:
        cover = another(draw[67]) if draw[68] < how.textured else None
        for block in (draw[25:30], draw[30:35])[: 1 if draw[35] < 0.7 else 2]:
            _erase(picture, block, draw[36:39], cover)
    return picture


def _replace_background(
    crop: np.ndarray, draw: np.ndarray, how: Augmentation, size: int, other: Callable[[float], np.ndarray]
) -> np.ndarray:
    inside = outline.find_mask(crop) if draw[0] < how.fill else None
    if inside is None and draw[1] < how.outline:
        inside = outline.random_mask(crop.shape[0], size, draw[2:8])
    return crop if inside is None else outline.replace_background(crop, inside, draw[8:14], other(draw[7]))


def _warp(crop: np.ndarray, draw: np.ndarray, how: Augmentation, size: int, side: int) -> np.ndarray:
    low, high = how.scale
    zoom = side / size * low * (high / low) ** draw[0]
    wide = (how.aspect[0] * (how.aspect[1] / how.aspect[0]) ** draw[5]) ** 0.5
    angle = np.deg2rad(how.rotation) * (2 * draw[1] - 1)
    a, b = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[a * wide, -b / wide, 0], [b * wide, a / wide, 0]])
    if draw[4] < how.flip:
        matrix[:, 0] *= -1
    middle = (crop.shape[0] - 1) / 2
    shift = how.shift * side * (2 * draw[2:4] - 1)
    matrix[:, 2] = (side - 1) / 2 + shift - matrix[:, :2] @ (middle, middle)
    if how.lens > 0:
        return _distort(crop, matrix, how.lens * (2 * draw[6:9] - 1), side)
    return cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _distort(crop: np.ndarray, matrix: np.ndarray, amount: np.ndarray, side: int) -> np.ndarray:
    """Change the scale from the middle to the edge, as camera distance does, and from side to side, as tilt does."""
    places = outline.ramp(side)
    x, y = places[..., 0], places[..., 1]
    scale = 1 + amount[0] * (x * x + y * y - 0.5) + amount[1] * x + amount[2] * y
    bent = places * scale.astype(np.float32)[..., None] * np.float32(side / 2) + np.float32((side - 1) / 2)
    source = cv2.transform(bent, cv2.invertAffineTransform(matrix))
    across, down = cv2.split(source)
    return cv2.remap(crop, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


#: Luma coefficients of red, green and blue (ITU-R BT.601).
_LUMA = np.array([[0.299, 0.587, 0.114]])


def _recolour(picture: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Change saturation by up to a half and hue by up to 10 degrees; brightness is roughly preserved."""
    gray = np.repeat(_LUMA, 3, axis=0)
    angle = 0.18 * amount[1]
    # rotation about the gray axis (Rodrigues' formula)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * axis + (1 - np.cos(angle)) / 3
    matrix = gray + (1 + 0.5 * amount[0]) * turn @ (np.eye(3) - gray)
    return cv2.transform(picture, matrix)


def _shade(picture: np.ndarray, draw: np.ndarray) -> np.ndarray:
    angle = 2 * np.pi * draw[0]
    along = outline.ramp(picture.shape[0]) @ np.array([np.cos(angle), np.sin(angle)], np.float32)
    if draw[1] < 0.6:
        light = 1 + (0.2 + 0.5 * draw[2]) * along
    else:
        edge = (along - 0.6 * (2 * draw[2] - 1)) / (0.05 + 0.4 * draw[3])
        light = 1 - (0.25 + 0.4 * draw[4]) * (edge.clip(-1, 1) + 1) / 2
    return cv2.multiply(picture, cv2.merge([light.astype(np.float32)] * 3), dtype=cv2.CV_8U)


def _shrink(picture: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _blur(picture: np.ndarray, kind: float, amount: float) -> np.ndarray:
    if kind < 0.6:
        return cv2.GaussianBlur(picture, (0, 0), 0.5 + 1.5 * amount)
    length = 3 + 2 * int(3 * amount)  # motion blur
    return cv2.blur(picture, (length, 1) if kind < 0.85 else (1, length))


def _compress(picture: np.ndarray, quality: int) -> np.ndarray:
    _, code = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded


def _light(picture: np.ndarray, draw: np.ndarray, strength: float, dark: bool) -> np.ndarray:
    spread = strength * (2 * draw - 1)
    values = np.linspace(0, 1, 256)[:, None]
    gamma = 2.0 ** (0.6 * spread[0])
    contrast, brightness = 1.4 ** spread[1], 0.18 * spread[2]
    cast = 1 + 0.18 * spread[3:6]
    if dark:
        gamma, brightness, contrast = 1.5 + draw[6], -0.05 * draw[7], contrast * 0.7
    table = ((values**gamma - 0.5) * contrast + 0.5 + brightness) * cast
    return cv2.LUT(picture, np.clip(table * 255 + 0.5, 0, 255).astype(np.uint8)[None])


@cache
def _noise() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(1 << 18).astype(np.float32)


def _grain(picture: np.ndarray, place: float, deviation: float) -> np.ndarray:
    noise = _noise()
    start = int(place * (noise.size - picture.size))
    grain = noise[start : start + picture.size].reshape(picture.shape)
    return cv2.scaleAdd(grain, deviation, picture.astype(np.float32)).clip(0, 255).astype(np.uint8)


def _erase(picture: np.ndarray, block: np.ndarray, colour: np.ndarray, cover: np.ndarray | None) -> None:
    size = picture.shape[0]
    height, width = (size * (0.1 + 0.35 * block[:2])).astype(int)
    top, left = (block[2:4] * (size - np.array([height, width]))).astype(int)
    part = picture[top : top + height, left : left + width]
    if cover is None:
        part[:] = (255 * (0.7 * block[4] + 0.3 * colour)).astype(np.uint8)
    else:
        part[:] = cover[-height:, :width]
