"""Pictures varied as webcams vary: place, light, colour, sharpness, compression, something in front of the face.

Everything stays uint8; brightness, contrast, gamma and colour cast are one look-up table. One core makes some
3,000 pictures a second.
"""

from functools import cache

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Augmentation(BaseModel):
    """How strongly pictures are varied; probabilities are per picture.

    Attributes:
        rotation: largest turn in degrees, either way.
        scale: smallest and largest enlargement.
        shift: largest shift in shares of the crop's side, either way, along each axis.
        flip: probability of mirroring.
        light: strength of brightness, contrast, gamma and colour cast; 0 leaves them alone.
        gray: probability of dropping the colour.
        dark: probability of a dark, noisy picture.
        blur: probability of blur.
        jpeg: probability of compression.
        small: probability of a round trip through 32 to 80 pixels, which is what small faces have.
        erase: probability of one or two covered blocks.
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


def centre(crops: np.ndarray, size: int = 112) -> np.ndarray:
    """The middle of crops that carry a margin: [..., S, S, 3] -> [..., size, size, 3]."""
    margin = (crops.shape[-2] - size) // 2
    return crops[..., margin : margin + size, margin : margin + size, :]


def unvaried(crops: np.ndarray, side: int, size: int = 112) -> np.ndarray:
    """Crops that carry a margin as they are, at a resolution: [N, S, S, 3] uint8 -> [N, side, side, 3].

    Args:
        crops: see above.
        side: of the results.
        size: side of the part of the crop that the network reads; shown smaller, it is shrunk as ``augment`` shrinks.
    """
    views = centre(crops, size)
    if side == size:
        return views
    return np.stack([cv2.resize(view, (side, side), interpolation=cv2.INTER_LINEAR) for view in views])


def augment(
    crop: np.ndarray, generator: np.random.Generator, how: Augmentation, size: int = 112, side: int | None = None
) -> np.ndarray:
    """One varied view of a crop, a pure function of its arguments and the generator's state.

    Args:
        crop: [S, S, 3] uint8 RGB with a margin around the middle ``size`` pixels.
        generator: source of every random choice.
        how: strengths and probabilities.
        size: side of the part of the crop that the network reads.
        side: side of the result, ``size`` by default; a smaller one shows the same part at a lower resolution.

    Returns:
        [side, side, 3] uint8 RGB.
    """
    # all draws at once, always as many: switching one variation off leaves the others as they were
    draw = generator.random(40)
    picture = _place(crop, draw[0:5], how, size, side or size)
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
        for block in (draw[25:30], draw[30:35])[: 1 if draw[35] < 0.7 else 2]:
            _erase(picture, block, draw[36:39])
    return picture


def _place(crop: np.ndarray, draw: np.ndarray, how: Augmentation, size: int, side: int) -> np.ndarray:
    low, high = how.scale
    zoom = side / size * low * (high / low) ** draw[0]
    angle = np.deg2rad(how.rotation) * (2 * draw[1] - 1)
    a, b = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = np.array([[a, -b, 0], [b, a, 0]])
    if draw[4] < how.flip:
        matrix[:, 0] *= -1
    middle = (crop.shape[0] - 1) / 2
    shift = how.shift * side * (2 * draw[2:4] - 1)
    matrix[:, 2] = (side - 1) / 2 + shift - matrix[:, :2] @ (middle, middle)
    return cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _shrink(picture: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _blur(picture: np.ndarray, kind: float, amount: float) -> np.ndarray:
    if kind < 0.6:
        return cv2.GaussianBlur(picture, (0, 0), 0.5 + 1.5 * amount)
    length = 3 + 2 * int(3 * amount)  # a moving head or camera
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


def _erase(picture: np.ndarray, block: np.ndarray, colour: np.ndarray) -> None:
    size = picture.shape[0]
    height, width = (size * (0.1 + 0.35 * block[:2])).astype(int)
    top, left = (block[2:4] * (size - np.array([height, width]))).astype(int)
    grayish = 255 * (0.7 * block[4] + 0.3 * colour)
    picture[top : top + height, left : left + width] = grayish.astype(np.uint8)
