"""Projection of a rotated head into the picture: a relief under weak perspective."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from fbn.synthetic.geometry import Sheet
from fbn.synthetic.parameters import Camera, Scene
from fbn.synthetic.shape import Shape

#: Centre of rotation of the head.
_PIVOT = np.array([0.0, 0.50, -0.16])


def rotation(scene: Scene) -> np.ndarray:
    """Return the [3, 3] rotation from head frame to camera frame: yaw, then pitch, then roll."""
    yaw, pitch, roll = np.radians([scene.yaw, scene.pitch, scene.roll])
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return tilt @ nod @ turn


@dataclass(frozen=True)
class Pose:
    """Map from face coordinates to fractions of the picture's side.

    Attributes:
        matrix: [2, 3] takes (x, y, depth) to the picture.
        offset: [2].
    """

    matrix: np.ndarray
    offset: np.ndarray
    tip: float

    @classmethod
    def of(cls, scene: Scene, camera: Camera, shape: Shape) -> "Pose":
        """Return the pose of a face in a scene and a camera."""
        matrix = rotation(scene)[:2] * camera.zoom
        centre = np.array([0.5, 0.5]) + np.array(camera.shift)
        offset = centre + camera.zoom * (_PIVOT[:2] - [0.0, 0.5]) - matrix @ _PIVOT
        return cls(matrix, offset, shape.middle("tip"))

    @cached_property
    def turned(self) -> bool:
        """Whether the head is rotated out of the image plane."""
        return bool(np.abs(self.matrix[:, 2]).max() > 1e-6)

    def depth(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the height of points of the face towards the viewer, and its slopes along x and y.

        It is smoother than the relief used for shading: slopes above 1 would fold over at a rotation of 45 degrees.
        """
        across = np.sqrt(1 + (x / 0.2) ** 2)
        up = np.maximum(0.16 - y, 0)
        down = np.maximum(y - 0.80, 0)
        nose_x, nose_y = np.exp(-((x / 0.062) ** 2)), np.exp(-(((y - self.tip) / 0.085) ** 2))
        nose = 0.07 * nose_x * nose_y
        z = -0.19 * (across - 1) - 0.5 * up**2 - 0.6 * down**2 + nose
        zx = -0.19 * x / (0.04 * across) - nose * 2 * x / 0.062**2
        zy = up - 1.2 * down - nose * 2 * (y - self.tip) / 0.085**2
        return z, zx, zy

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project [n, 2] face coordinates to [n, 2] fractions of the picture's side."""
        z = self.depth(points[:, 0], points[:, 1])[0]
        return np.asarray(points @ self.matrix[:, :2].T + z[:, None] * self.matrix[:, 2] + self.offset)

    def axis(self, y: float) -> np.ndarray:
        """Return [2] the projection of the head's axis at height y, as fractions of the picture's side."""
        return np.asarray(self.matrix @ [0.0, y, -0.22] + self.offset)

    def unproject(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Return face coordinates x, y of each pixel's centre, [side, side] float32.

        Uses Newton's method on a relief that never folds; the error is a few hundredths of a pixel.
        """
        share = (np.arange(side) + 0.5) / side
        px, py = (share[None, :] - self.offset[0]), (share[:, None] - self.offset[1])
        (a, b, e), (c, d, f) = self.matrix
        det = a * d - b * c
        x = ((d * px - b * py) / det).astype(np.float32)
        y = ((a * py - c * px) / det).astype(np.float32)
        if not self.turned:
            return x, y
        for _ in range(6):
            z, zx, zy = self.depth(x, y)
            rx, ry = px - a * x - b * y - e * z, py - c * x - d * y - f * z
            if max(np.abs(rx).max(), np.abs(ry).max()) < 0.03 / side:
                break
            xx, xy, yx, yy = a + e * zx, b + e * zy, c + f * zx, d + f * zy
            full = xx * yy - xy * yx
            full = np.maximum(full, 0.25 * self.scale**2)
            x = (x + np.clip((yy * rx - xy * ry) / full, -0.15, 0.15)).astype(np.float32)
            y = (y + np.clip((xx * ry - yx * rx) / full, -0.15, 0.15)).astype(np.float32)
        return x, y

    @cached_property
    def scale(self) -> float:
        """Zoom of the camera."""
        return float(np.linalg.norm(self.matrix[0]))


def lookup(image: np.ndarray, sheet: Sheet, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a layer [H, W, C] of a sheet at face coordinates; 0 outside."""
    column = (x - sheet.x[0]) / np.float32(sheet.step)
    row = (y - sheet.y[0]) / np.float32(sheet.step)
    return cv2.remap(image, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
