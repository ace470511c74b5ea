"""Geometry of the neutral face, and the coordinate grid on which it is drawn.

Unit of length: the side of an aligned crop (``fbn.faces.align.TEMPLATE``), about 20 cm. ``x`` points from the midline
to the picture's right, ``y`` down from the crop's upper edge. Each half is described and drawn in ``u``, the distance
from the midline, by the same code, so that a mirrored face gives a mirrored picture.

The average face's proportions were set by hand near the median landmarks of AffectNet's neutral faces, and rounded; no
picture, and nothing of CK+, went into the drawing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fbn.synthetic.parameters import Identity

#: The picture's right half is the person's left one; its AUs stand in column 0.
SIDES = (1, -1)


@dataclass(frozen=True)
class Sheet:
    """A grid of points in face coordinates, mirror symmetric about x = 0.

    Attributes:
        x: [W] columns, W even.
        y: [H] rows.
        step: distance of neighbouring points.
    """

    x: np.ndarray
    y: np.ndarray
    step: float

    @classmethod
    def covering(cls, half_width: float, top: float, bottom: float, density: float) -> "Sheet":
        """Return a sheet over [-half_width, half_width] x [top, bottom] with a spacing of ``1 / density``."""
        columns, rows = max(4, round(half_width * density)), max(4, round((bottom - top) * density))
        x = (np.arange(-columns, columns) + 0.5) / density
        y = top + (np.arange(rows) + 0.5) / density
        return cls(x.astype(np.float32), y.astype(np.float32), 1 / density)

    @cached_property
    def left(self) -> float:
        """The first column's x."""
        return float(self.x[0])

    @cached_property
    def top(self) -> float:
        """The first row's y."""
        return float(self.y[0])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self.y), len(self.x)

    def zeros(self, *leading: int) -> np.ndarray:
        """[*leading, H, W] float32."""
        return np.zeros((*leading, *self.shape), np.float32)

    def rows(self, low: float, high: float) -> slice:
        """Return the rows between two heights."""
        return _span(low, high, self.top, self.step, len(self.y))

    def columns(self, low: float, high: float) -> slice:
        """Return the columns between two distances ``u``, in the view of either half."""
        return _span(low, high, self.left, self.step, len(self.x))

    def window(self, u: tuple[float, float], y: tuple[float, float]) -> tuple["Patch", bool]:
        """Return the patch inside two ranges, and whether it contains any points."""
        rows, columns = self.rows(*y), self.columns(*u)
        patch = Patch(rows, columns, self.x[columns][None, :], self.y[rows][:, None], self.step)
        return patch, rows.stop > rows.start and columns.stop > columns.start

    def edge(self, distance: np.ndarray, width: float = 1.0) -> np.ndarray:
        """Convert a signed distance to an edge (positive inside) to coverage in [0, 1]; ``width`` in grid points."""
        return unit(distance * (1 / (self.step * width)) + 0.5)


@dataclass(frozen=True)
class Patch:
    """A rectangle of a sheet: index slices and the coordinates of its points, u [1, w] and y [h, 1]."""

    rows: slice
    columns: slice
    u: np.ndarray
    y: np.ndarray
    step: float

    def of(self, layer: np.ndarray) -> np.ndarray:
        """Return a view of this rectangle in a layer [..., H, W] of the half it was made for."""
        return layer[..., self.rows, self.columns]

    def edge(self, distance: np.ndarray, width: float = 1.0) -> np.ndarray:
        """As ``Sheet.edge``."""
        return unit(distance * (1 / (self.step * width)) + 0.5)


def _span(low: float, high: float, first: float, step: float, count: int) -> slice:
    """Indices of the points first, first + step, ... that lie in [low, high)."""
    start = min(max(math.ceil((low - first) / step - 1e-4), 0), count)
    return slice(start, min(max(math.ceil((high - first) / step - 1e-4), start), count))


def halves(layer: np.ndarray) -> Iterator[np.ndarray]:
    """Views of a layer [..., H, W] in which u grows to the right, in the order of ``SIDES``."""
    yield layer
    yield layer[..., ::-1]


def paint(layer: np.ndarray, patch: Patch, mask: np.ndarray, colour: np.ndarray) -> None:
    """Lay a colour over part of a layer [3, H, W], in place; mask [h, w] in [0, 1], colour [3] or [3, h, w]."""
    view = patch.of(layer)
    view += mask * ((colour[:, None, None] if colour.ndim == 1 else colour) - view)


def unit(value: np.ndarray) -> np.ndarray:
    """Clip to [0, 1]; much faster on small arrays than ``np.clip``."""
    return np.minimum(np.maximum(value, 0), 1)


def smooth(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Return the smoothstep of a value: 0 below ``low``, 1 above ``high``, cubic in between."""
    t = unit((value - low) * (1 / (high - low)))
    return t * t * (3 - 2 * t)


def through(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Interpolate points by a smooth curve (cubic Hermite, Catmull-Rom slopes), extrapolated linearly.

    Args:
        at: any shape.
        x: [n] increasing, n >= 2.
        y: [n].
    """
    gaps = np.diff(x)
    secants = np.diff(y) / gaps
    slopes = np.empty_like(y)
    slopes[0], slopes[-1] = secants[0], secants[-1]
    slopes[1:-1] = (secants[:-1] * gaps[1:] + secants[1:] * gaps[:-1]) / (gaps[1:] + gaps[:-1])
    i = np.clip(np.searchsorted(x, at) - 1, 0, len(x) - 2)
    raw = (at - x[i]) / gaps[i]
    t = np.clip(raw, 0, 1)
    t2, t3 = t * t, t * t * t
    inside = (
        (2 * t3 - 3 * t2 + 1) * y[i]
        + (t3 - 2 * t2 + t) * gaps[i] * slopes[i]
        + (3 * t2 - 2 * t3) * y[i + 1]
        + (t3 - t2) * gaps[i] * slopes[i + 1]
    )
    return inside + (raw - t) * gaps[i] * np.where(raw > 1, slopes[i + 1], slopes[i])


def bowed(at: np.ndarray, points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Evaluate the polynomial through a few points (Newton's divided differences); faster than ``through``."""
    x, c = [p[0] for p in points], [p[1] for p in points]
    for order in range(1, len(x)):
        for i in range(len(x) - 1, order - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (x[i] - x[i - order])
    value = np.full_like(at, c[-1])
    for i in range(len(x) - 2, -1, -1):
        value *= at - x[i]
        value += c[i]
    return value


@dataclass
class Half:
    """One half of a face. Points are (u, y); lids, lips and openings are distances.

    Attributes:
        brow: [5, 2] middle line of the brow, from its inner end to its tail.
        brow_thickness: half the height of the brow at its thickest.
        eye: the point between the eye's corners.
        eye_half_width: half the distance of the corners.
        tilt: by how much the outer corner lies above the inner one.
        lid_up, lid_low: from the line between the corners up to the upper lid, down to the lower one.
        fold: from the upper lid's edge up to its fold.
        iris: radius.
        wing: the nose wing's middle.
        tip: the nose tip's y.
        corner: mouth corner.
        line: y of the closed mouth at the midline.
        bend: exponent with which the mouth's line runs from the midline to the corner.
        up, low: height of the red of the upper and lower lip.
        part_up, part_low: how far the lips part from the line.
        chin: y of the lowest point of the chin.
        width: half width of the face at the height of the eyes.
        square: exponent of the jaw's outline; 2 is an ellipse.
        crown: y of the top of the skull.
    """

    brow: np.ndarray
    brow_thickness: float
    eye: np.ndarray
    eye_half_width: float
    tilt: float
    lid_up: float
    lid_low: float
    fold: float
    iris: float
    wing: np.ndarray
    tip: float
    corner: np.ndarray
    line: float
    bend: float
    up: float
    low: float
    part_up: float
    part_low: float
    chin: float
    width: float
    square: float
    crown: float


def rest(identity: Identity, side: int) -> Half:
    """Return a half of the neutral face; ``side`` as in ``SIDES``."""
    i, skew = identity, identity.asymmetry * side
    brow = np.array([[0.058, 0.294], [0.122, 0.278], [0.195, 0.271], [0.262, 0.282], [0.316, 0.308]])
    brow[:, 1] += -0.026 * i.brow_height + 0.012 * i.eye_depth - 0.006 * skew
    brow[:, 1] -= i.brow_arch * np.array([-0.006, 0.002, 0.012, 0.010, -0.002])
    brow[:, 0] += 0.006 * i.eye_spacing
    size = 1 + 0.13 * i.eye_size + 0.03 * skew
    mouth_y = 0.712 + 0.020 * i.philtrum + 0.018 * i.nose_length
    nose = 0.034 * i.nose_length
    return Half(
        brow=brow,
        brow_thickness=0.0215 * (1 + 0.4 * i.brow_thickness),
        eye=np.array([0.166 + 0.013 * i.eye_spacing, 0.371 - 0.003 * skew]),
        eye_half_width=0.067 * (1 + 0.4 * (size - 1)),
        tilt=0.008 + 0.014 * i.eye_tilt,
        lid_up=0.032 * size,
        lid_low=0.017 * size,
        fold=0.015 - 0.005 * i.eye_depth,
        iris=0.0305,
        wing=np.array([0.069 * (1 + 0.24 * i.nose_width), 0.577 + nose]),
        tip=0.545 + nose,
        corner=np.array([0.132 * (1 + 0.13 * i.mouth_width), mouth_y - 0.002 - 0.010 * i.mouth_tilt - 0.005 * skew]),
        line=mouth_y,
        bend=2.0,
        up=0.034 * (1 + 0.38 * i.lip_thickness),
        low=0.050 * (1 + 0.35 * i.lip_thickness),
        part_up=0.0,
        part_low=0.0,
        chin=0.915 + 0.036 * i.face_length + 0.030 * i.chin_length,
        width=0.383 * (1 + 0.075 * i.face_width + 0.03 * i.fullness) + 0.004 * skew,
        square=2.35 + 0.55 * i.jaw_width + 0.2 * i.fullness,
        crown=-0.20 - 0.04 * i.face_length,
    )
