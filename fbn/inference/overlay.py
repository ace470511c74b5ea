"""Draw results into a frame: box, landmarks, expressions, AU bars and the valence-arousal circle.

Fast enough for every frame of a live video: labels are drawn once per frame size and blended by a maximum. Colours are
those of Okabe & Ito, which are distinguishable with any colour vision; length and position encode every value too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fbn.faces.arrays import as_rgb
from fbn.inference.results import Affect, FaceResult, FrameResult
from fbn.vocabulary import ACTION_UNITS, DECISION, EXPRESSIONS

#: Okabe & Ito's palette, RGB; a face's colour follows its id.
COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0))
_QUIET, _ACTIVE, _WHITE, _BLACK = (86, 180, 233), (230, 159, 0), (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
#: Least width and height in pixels of a frame with bars; smaller ones get boxes and names only.
_MIN_SIZE = (240, 180)


@dataclass(frozen=True)
class _Bars:
    """Position of a list of bars: bar i fills ``height`` pixels below ``top + i * row``."""

    left: int
    length: int
    top: float
    row: float
    height: float

    def corners(self, i: int, value: float) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return two opposite corners of bar i."""
        top = self.top + i * self.row
        return (self.left, round(top)), (self.left + round(value * self.length), round(top + self.height))


@dataclass(frozen=True)
class _Layout:
    """Positions of the panels in a frame of one size, and their labels as white-on-black pictures."""

    unit: float
    panel: int
    labels: tuple[np.ndarray, np.ndarray]
    action_units: _Bars
    expressions: _Bars
    centre: tuple[int, int]
    radius: int


def draw(
    image: np.ndarray,
    result: FrameResult,
    trail: Sequence[tuple[float, float]] = (),
    face_id: int | None = None,
    panels: bool = True,
) -> np.ndarray:
    """Draw a frame's results.

    Args:
        image: [H, W, 3] uint8 RGB, or another picture that ``as_rgb`` accepts; not modified.
        result: result for the frame. Smoothed values are drawn if present.
        trail: earlier (valence, arousal) pairs of the selected face, oldest first.
        face_id: face whose bars are drawn; None, or an unknown id: the largest face.
        panels: draw bars and circle at the sides, not only boxes and names.

    Returns:
        A new [H, W, 3] uint8 RGB picture.
    """
    canvas = np.ascontiguousarray(as_rgb(image)).copy()
    height, width = canvas.shape[:2]
    shown = result.face(face_id)
    for face in result.faces:
        _draw_face(canvas, face, min(width / 640, height / 480))
    if panels and shown is not None and width >= _MIN_SIZE[0] and height >= _MIN_SIZE[1]:
        layout = _layout(width, height)
        affect = shown.shown
        _draw_panels(canvas, layout, affect)
        _draw_circle(canvas, layout, affect, trail)
    return canvas


def _draw_face(canvas: np.ndarray, face: FaceResult, unit: float) -> None:
    colour = COLOURS[face.face_id % len(COLOURS)]
    box, line = face.box, max(1, round(2 * unit))
    x, y = round(box.x), round(box.y)
    cv2.rectangle(canvas, (x, y), (round(box.x + box.w), round(box.y + box.h)), colour, line, cv2.LINE_AA)
    for point in face.landmarks:
        cv2.circle(canvas, (round(float(point[0])), round(float(point[1]))), line, colour, -1, cv2.LINE_AA)
    affect = face.shown
    text = f"#{face.face_id}"
    if affect.label is not None:
        text += f" {affect.label} {100 * affect.expression.max():.0f} %"
    size = max(0.4, 0.65 * unit)
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, size, 1)
    # keep the name of a face at the frame's edge visible
    left = min(max(x, 2), max(2, canvas.shape[1] - text_width - 2))
    low = max(y - 6, text_height + 4)
    cv2.putText(canvas, text, (left, low), _FONT, size, _BLACK, line + 2, cv2.LINE_AA)
    cv2.putText(canvas, text, (left, low), _FONT, size, _WHITE, max(1, line - 1), cv2.LINE_AA)


def _draw_panels(canvas: np.ndarray, layout: _Layout, affect: Affect) -> None:
    width = canvas.shape[1]
    sides = (slice(0, layout.panel), slice(width - layout.panel, width))
    for side, labels in zip(sides, layout.labels, strict=True):
        panel = canvas[:, side]
        np.maximum(cv2.convertScaleAbs(panel, alpha=0.4), labels, out=panel)
    _draw_bars(canvas, layout.action_units, affect.action_units, DECISION)
    _draw_bars(canvas, layout.expressions, affect.expression, float(affect.expression.max()))


def _draw_bars(canvas: np.ndarray, bars: _Bars, values: np.ndarray, threshold: float) -> None:
    for i, value in enumerate(values.tolist()):
        if not np.isnan(value):
            cv2.rectangle(canvas, *bars.corners(i, value), _ACTIVE if value >= threshold else _QUIET, -1)


def _draw_circle(canvas: np.ndarray, layout: _Layout, affect: Affect, trail: Sequence[tuple[float, float]]) -> None:
    now = affect.valence_arousal
    if np.isnan(now).any():
        return
    path = np.array([*trail, tuple(now)], dtype=np.float64).reshape(-1, 2).clip(-1, 1)
    # the y axis points up, image rows point down; four fractional bits for smooth lines
    points = np.array(layout.centre) + path * (layout.radius, -layout.radius)
    fixed = np.round(points * 16).astype(np.int32)
    line = max(1, round(1.5 * layout.unit))
    cv2.polylines(canvas, [fixed[:, None]], False, _QUIET, line, cv2.LINE_AA, shift=4)
    x, y = (int(v) for v in fixed[-1])
    radius = round(5 * layout.unit * 16)
    cv2.circle(canvas, (x, y), radius, _ACTIVE, -1, cv2.LINE_AA, shift=4)
    cv2.circle(canvas, (x, y), radius, _WHITE, 1, cv2.LINE_AA, shift=4)


@lru_cache(maxsize=8)
def _layout(width: int, height: int) -> _Layout:
    unit = min(width / 640, height / 480)
    panel, edge = round(130 * unit), round(6 * unit)
    radius = panel // 2 - 2 * edge
    centre = (width - panel // 2, height - radius - 2 * edge)
    row = height / len(ACTION_UNITS)
    units = _Bars(round(52 * unit), panel - round(52 * unit) - edge, 0.2 * row, row, 0.6 * row)
    row = (centre[1] - radius - edge) / len(EXPRESSIONS)
    expressions = _Bars(width - panel + edge, panel - 2 * edge, 0.55 * row, row, 0.3 * row)
    left, right = (np.zeros((height, panel, 3), np.uint8) for _ in range(2))
    for i, au in enumerate(ACTION_UNITS):
        _write(left, au.short, (edge // 2, units.top + i * units.row + 0.5 * units.height + 6 * unit), 0.5 * unit)
    middle = units.left + units.length // 2
    cv2.line(left, (middle, 0), (middle, height), (110, 110, 110), 1)
    for i, expression in enumerate(EXPRESSIONS):
        _write(right, expression.value, (edge, expressions.top + i * expressions.row - 5 * unit), 0.5 * unit)
    x, y = centre[0] - (width - panel), centre[1]
    cv2.circle(right, (x, y), radius, (170, 170, 170), 1, cv2.LINE_AA)
    cv2.line(right, (x - radius, y), (x + radius, y), (110, 110, 110), 1)
    cv2.line(right, (x, y - radius), (x, y + radius), (110, 110, 110), 1)
    _write(right, "arousal", (x + edge, y - radius + 16 * unit), 0.38 * unit)
    _write(right, "valence", (edge, y - edge), 0.38 * unit)
    return _Layout(unit, panel, (left, right), units, expressions, centre, radius)


def _write(image: np.ndarray, text: str, position: tuple[float, float], size: float) -> None:
    cv2.putText(image, text, (round(position[0]), round(position[1])), _FONT, size, _WHITE, 1, cv2.LINE_AA)
