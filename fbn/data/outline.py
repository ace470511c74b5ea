"""Faces cut out along their outline: the outline found or drawn, and the surroundings replaced.

Where one set's faces are cut out, what surrounds a face would tell the set, and with it how likely each expression is.
So the surroundings of those are filled, and the same is done to a share of the other sets' faces.
"""

from functools import cache

import cv2
import numpy as np

#: Values up to this are black: compression and interpolation leave a little.
_BLACK = 16
#: An inside larger than this share of the crop is no face that was cut out.
_MOST = 0.9
#: Where an outline's centre lies and its half axes, as shares of the crop that the network reads; measured on the
#: masked part of AffectNet. Heads that are turned or tilted have narrower and wider ones.
_CENTRE, _AXES = (0.5, 0.52), (0.36, 0.44)
#: Shares of the fillings: another picture, one colour, the face's own colours; the rest is black.
_PICTURE, _FLAT, _OWN = 0.55, 0.7, 0.88


def found(crop: np.ndarray) -> np.ndarray | None:
    """The inside of a face that was cut out along its outline, black around it.

    Args:
        crop: [S, S, 3] uint8.

    Returns:
        [S, S] uint8, 255 inside; None where the crop has no black surroundings.
    """
    # every other pixel tells enough
    half = crop[::2, ::2]
    dark = (half.max(-1) <= _BLACK).astype(np.uint8)
    framed = cv2.copyMakeBorder(dark, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 2)
    inside = (framed[1:-1, 1:-1] != 2).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    # outlines are convex, and shadows that reach them are not outside
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, 2 * cv2.convexHull(largest), 255)
    if cv2.countNonZero(mask) > _MOST * mask.size:
        return None
    # the fringe is half black
    return cv2.erode(mask, np.ones((5, 5), np.uint8))


def drawn(side: int, size: int, draw: np.ndarray) -> np.ndarray:
    """The inside of an outline as a face might have it.

    Args:
        side: S of the result.
        size: side of the part in its middle that the network reads.
        draw: [6] in [0, 1).

    Returns:
        [S, S] uint8, 255 inside.
    """
    across, down = (2 * draw[0:2] - 1) * 0.04
    wide, high = 0.85 + 0.3 * draw[2:4]
    # a turned head's outline is flat on one side
    turn = 0.25 * (2 * draw[4] - 1)
    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    x = np.where(x * turn > 0, x * (1 - abs(turn)), x) * (1 - (0.1 + 0.15 * draw[5]) * np.maximum(y, 0) ** 2)
    points = np.stack([_CENTRE[0] + across + x * _AXES[0] * wide, _CENTRE[1] + down + y * _AXES[1] * high], -1)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, np.round(points * size + (side - size) / 2).astype(np.int32), 255)
    return mask


def surrounded(crop: np.ndarray, inside: np.ndarray, draw: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A crop with its surroundings replaced: by another picture's, one colour, its own colours, or black.

    Args:
        crop: [S, S, 3] uint8.
        inside: [S, S] uint8, 255 where the crop stays.
        draw: [6] in [0, 1): which filling, its colour, how soft the edge is.
        other: [S, S, 3] uint8, the other picture.

    Returns:
        [S, S, 3] uint8.
    """
    if draw[0] < _PICTURE:
        filling = other
    elif draw[0] < _FLAT:
        filling = np.empty_like(crop)
        filling[:] = 255 * (0.7 * draw[1] + 0.3 * draw[2:5])
    elif draw[0] < _OWN:
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
    """[S, S, 2] float32, places from -1 to 1 across (x) and down (y)."""
    along = (np.arange(side, dtype=np.float32) - (side - 1) / 2) * (2 / side)
    return np.ascontiguousarray(np.stack(np.meshgrid(along, along), -1))
