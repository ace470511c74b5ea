"""Boxes and landmarks, in pixels of the frame: x to the right, y down."""

from dataclasses import dataclass

import numpy as np

#: Order of the five landmarks; left and right in the picture.
LANDMARK_NAMES = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")


@dataclass(frozen=True)
class Box:
    """An upright rectangle: left, top, width, height in pixels; may reach outside the frame."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.w * self.h

    def overlap(self, other: "Box") -> float:
        """Compute the intersection over union, in [0, 1]."""
        w = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        h = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if w <= 0 or h <= 0:
            return 0.0
        return w * h / (self.area + other.area - w * h)


@dataclass(frozen=True)
class Detection:
    """One detected face.

    Attributes:
        box: bounding box.
        score: confidence in [0, 1].
        landmarks: [5, 2] float32 in ``LANDMARK_NAMES`` order; None if the detector predicts boxes only.
        roll: in-plane rotation in degrees, clockwise in the picture, in [-180, 180]; None if unknown.
    """

    box: Box
    score: float
    landmarks: np.ndarray | None = None
    roll: float | None = None
