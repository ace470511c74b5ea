"""Masks of faces along their outline, detected or random, and replacement of the background.

If the faces of one data set are cut out, the background reveals the data set, and with it the class frequencies. So
the background of those faces is replaced, and that of a fraction of the other data sets' faces.
"""

from functools import cache

import cv2
import numpy as np

#: Maximal value of black pixels; not 0 because of compression and interpolation.
_BLACK = 16
#: A mask that covers more than this fraction of the crop is not that of a face that was cut out.
_MAX_AREA = 0.9
#: Centre and half axes of an outline, as fractions of the crop without its margin; measured on the masked subset of
#: AffectNet. Turned or tilted heads have narrower and wider outlines.
_CENTRE, _AXES = (0.5, 0.52), (0.36, 0.44)
#: Cumulative probabilities of the backgrounds: another picture, one colour, the crop's colours; otherwise black.
_PICTURE, _FLAT, _BLURRED = 0.55, 0.7, 0.88


def find_mask(crop: np.ndarray) -> np.ndarray | None:
    """Find the mask of a face that was cut out along its outline, with a black background.

    Args:
        crop: [S, S, 3] uint8.

    Returns:
        [S, S] uint8, 255 inside; None if the crop has no black background.
    """
    # half the resolution suffices
    half = crop[::2, ::2]
    dark = (half.max(-1) <= _BLACK).astype(np.uint8)
    framed = cv2.copyMakeBorder(dark, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 2)
    inside = (framed[1:-1, 1:-1] != 2).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    # the outline is convex; dark pixels inside the hull are shadows
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, 2 * cv2.convexHull(largest), 255)
    if cv2.countNonZero(mask) > _MAX_AREA * mask.size:
        return None
    # pixels on the edge are blends with black
    return cv2.erode(mask, np.ones((5, 5), np.uint8))


def random_mask(side: int, size: int, draw: np.ndarray) -> np.ndarray:
    """Draw the mask of a random face outline.

    Args:
        side: S of the result.
        size: side of the crop without its margin.
        draw: [6] random numbers in [0, 1).

    Returns:
        [S, S] uint8, 255 inside.
    """
    across, down = (2 * draw[0:2] - 1) * 0.04
    wide, high = 0.85 + 0.3 * draw[2:4]
    # the outline of a turned head is flat on one side
    turn = 0.25 * (2 * draw[4] - 1)
    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    x = np.where(x * turn > 0, x * (1 - abs(turn)), x) * (1 - (0.1 + 0.15 * draw[5]) * np.maximum(y, 0) ** 2)
    points = np.stack([_CENTRE[0] + across + x * _AXES[0] * wide, _CENTRE[1] + down + y * _AXES[1] * high], -1)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, np.round(points * size + (side - size) / 2).astype(np.int32), 255)
    return mask


def replace_background(crop: np.ndarray, inside: np.ndarray, draw: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Replace the background of a crop by another picture, one colour, the crop's blurred colours, or black.

    Args:
        crop: [S, S, 3] uint8.
        inside: [S, S] uint8 mask, 255 where the crop is kept.
        draw: [6] random numbers in [0, 1): kind of background, its colour, softness of the edge.
        other: [S, S, 3] uint8, the other picture.

    Returns:
        [S, S, 3] uint8.
    """
    if draw[0] < _PICTURE:
        filling = other
    elif draw[0] < _FLAT:
        filling = np.empty_like(crop)
        filling[:] = 255 * (0.7 * draw[1] + 0.3 * draw[2:5])
    elif draw[0] < _BLURRED:
        mean = cv2.mean(crop, inside)[:3]
        coarse = np.where(inside[..., None] > 0, crop, np.array(mean, np.uint8))
        coarse = cv2.resize(coarse, (5, 5), interpolation=cv2.INTER_AREA)
        filling = cv2.resize(coarse, crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    else:
        filling = np.zeros_like(crop)
    width = 2 * int(4 * draw[5]) + 1
    weight = cv2.blur(inside, (width, width)).astype(np.float32) * np.float32(1 / 255)
    return cv2.blendLinear(crop, np.ascontiguousarray(filling), weight, 1 - weight)


@cache
def ramp(side: int) -> np.ndarray:
    """Return [S, S, 2] float32 coordinates from -1 to 1, across (x) and down (y)."""
    along = (np.arange(side, dtype=np.float32) - (side - 1) / 2) * (2 / side)
    return np.ascontiguousarray(np.stack(np.meshgrid(along, along), -1))
