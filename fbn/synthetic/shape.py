"""The shape of a face with its action units: both halves with contracted muscles."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fbn.synthetic.geometry import SIDES, Half, Sheet, halves, rest
from fbn.synthetic.muscles import Units, contract
from fbn.synthetic.parameters import Face
from fbn.vocabulary import AU_NUMBERS

#: Height (y) at which the face is widest.
WIDEST = 0.376


@dataclass(frozen=True)
class Shape:
    """Positions of all parts of an upright face.

    Attributes:
        halves: in the order of ``SIDES``.
        relaxed: the same person's neutral halves, for teeth and hair.
        units: AUs of each half.
        jaw: opening of the jaw, in [0, 1].
    """

    halves: tuple[Half, Half]
    relaxed: tuple[Half, Half]
    units: tuple[Units, Units]
    jaw: float

    @classmethod
    def of(cls, face: Face) -> Self:
        """Return the shape of a face: its identity with its AUs, blink and gaze."""
        columns = face.intensities.T
        units = tuple(dict(zip(AU_NUMBERS, map(float, column), strict=True)) for column in columns)
        jaw = float(columns[:, AU_NUMBERS.index(26)].sum()) / 2
        relaxed = tuple(rest(face.identity, side) for side in SIDES)
        moved = tuple(contract(r, a, jaw, face.scene.blink) for r, a in zip(relaxed, units, strict=True))
        for half in moved:
            half.lid_up -= 0.008 * face.scene.gaze[1] * (1 - face.scene.blink)
        return cls((moved[0], moved[1]), (relaxed[0], relaxed[1]), (units[0], units[1]), jaw)

    def middle(self, name: str) -> float:
        """Return a value at the midline: the mean of both halves."""
        return (getattr(self.halves[0], name) + getattr(self.halves[1], name)) / 2


def inside(sheet: Sheet, half: Half) -> tuple[np.ndarray, np.ndarray]:
    """Return how far inside the head each point is.

    Returns:
        level [H, W]: 1 at the centre of the face, 0 on its outline, negative outside; distance [H, W]: approximate
        distance to the outline, positive inside.
    """
    low = np.maximum((sheet.y - WIDEST) / (half.chin - WIDEST), 0)
    high = np.maximum((WIDEST - sheet.y) / (WIDEST - half.crown), 0)
    p = half.square
    column = low**p + high**2.3
    slope = p * low ** (p - 1) / (half.chin - WIDEST) + 2.3 * high**1.3 / (WIDEST - half.crown)
    # the skull above the widest place is a little narrower: temples
    width = half.width * (1 - 0.05 * np.exp(-(((sheet.y - 0.2) / 0.09) ** 2)))
    level = 1 - column[:, None] - (sheet.x[None, :] / width[:, None]) ** 2
    gradient = np.sqrt((2 * sheet.x[None, :] / width[:, None] ** 2) ** 2 + slope[:, None] ** 2) + 1e-6
    return level, level / gradient


def both(sheet: Sheet, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return ``inside`` of the whole face, computed for each half."""
    level, distance = sheet.zeros(), sheet.zeros()
    middle = len(sheet.x) // 2
    for half, a, b in zip(shape.halves, halves(level), halves(distance), strict=True):
        one, two = inside(sheet, half)
        a[:, middle:], b[:, middle:] = one[:, middle:], two[:, middle:]
    return level, distance
