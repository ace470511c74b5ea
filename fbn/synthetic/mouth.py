"""Lips, teeth and the open mouth."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fbn.synthetic.geometry import Half, Patch, Sheet, halves, paint, smooth
from fbn.synthetic.parameters import Face
from fbn.synthetic.shape import Shape
from fbn.synthetic.skin import linear, tone


class Lips:
    """Four lip lines of one half of the face, which meet the other half's at the midline.

    Attributes:
        t: 0 at the midline, 1 in the mouth's corner.
        outer_up, inner_up, inner_low, outer_low: y over u.
    """

    def __init__(self, shape: Shape, half: Half, u: np.ndarray) -> None:
        self.t = t = np.clip(u / half.corner[0], 0, 1)
        weight = t * t * (3 - 2 * t)

        def of(name: str) -> np.ndarray:
            middle = shape.middle(name)
            return middle + (getattr(half, name) - middle) * weight

        middle = shape.middle("line")
        self.line = middle + (half.corner[1] - middle) * t**half.bend
        arch = np.maximum(1 - t * t, 0)
        opening = arch ** (0.75 - 0.2 * shape.jaw)
        bow = 0.90 + 0.16 * np.exp(-(((t - 0.26) / 0.14) ** 2)) - 0.10 * np.exp(-((t / 0.10) ** 2))
        self.inner_up = self.line - of("part_up") * opening
        self.inner_low = self.line + of("part_low") * opening
        self.outer_up = self.inner_up - of("up") * bow * (1 - t**1.5)
        self.outer_low = self.inner_low + of("low") * (1 - t**2.4) ** 0.9


@dataclass(frozen=True)
class Mouth:
    """The patch of a sheet with one half of the mouth, and its lip lines over the patch's columns."""

    patch: Patch
    lips: Lips

    @classmethod
    def of(cls, sheet: Sheet, shape: Shape) -> "tuple[Self, Self] | None":
        """Return both halves in the order of ``SIDES``; None if the mouth is outside the sheet."""
        low = max(max(h.line + h.part_low + h.low, h.corner[1]) for h in shape.halves) + 0.03
        high = min(min(h.corner[1], h.line) for h in shape.halves) - 0.10
        found = []
        for half in shape.halves:
            patch, any_point = sheet.window((0.0, half.corner[0] + 0.03), (high, low))
            if not any_point:
                return None
            found.append(cls(patch, Lips(shape, half, patch.u)))
        return found[0], found[1]


def paint_lips(mouth: tuple[Mouth, Mouth], albedo: np.ndarray, height: np.ndarray, shape: Shape, face: Face) -> None:
    """Paint the lips into albedo [3, H, W] and raise them in height [H, W] before shading, in place."""
    look = face.appearance
    skin = np.sqrt(tone(look)) * 255
    bare = skin * np.array([0.93, 0.77, 0.78]) + np.array([0.0, -4.0, -2.0])
    bare = bare * (1 + (look.redness - 0.4) * np.array([0.05, -0.08, -0.05]))
    colour = bare + look.lipstick * 0.9 * (np.array([166, 26, 48]) - bare)
    red = linear(np.clip(colour, 8, 255))
    for half, part, view, rise in zip(shape.halves, mouth, halves(albedo), halves(height), strict=True):
        patch, lips = part.patch, part.lips
        ends = patch.edge((1 - patch.u / half.corner[0]) * half.corner[0], 1.5)
        soft = 2.2 - 1.0 * look.lipstick
        for top, bottom, fullness, dark in (
            (lips.outer_up, lips.inner_up, 0.34, 0.84),
            (lips.inner_low, lips.outer_low, 0.50, 1.18),
        ):
            mask = np.minimum(patch.edge(patch.y - top, soft), patch.edge(bottom - patch.y, soft)) * ends
            paint(view, patch, 0.93 * mask, red * dark)
            thickness = np.maximum(bottom - top, 1e-4)
            v = np.clip((patch.y - top) / thickness, 0, 1)
            patch.of(rise)[:] += fullness * thickness * 4 * v * (1 - v)


def draw_mouth(mouth: tuple[Mouth, Mouth], picture: np.ndarray, shape: Shape, brightness: float) -> None:
    """Paint the closed mouth's line, or the cavity with teeth and tongue, into a lit face [3, H, W], in place."""
    for half, relaxed, part, view in zip(shape.halves, shape.relaxed, mouth, halves(picture), strict=True):
        _draw_half(view, part.patch, part.lips, half, relaxed, shape, brightness)


def _draw_half(
    view: np.ndarray, p: Patch, lips: Lips, half: Half, relaxed: Half, shape: Shape, brightness: float
) -> None:
    t = lips.t
    ends = p.edge(half.corner[0] - p.u, 1.5)
    gap = np.minimum(p.y - lips.inner_up, lips.inner_low - p.y)
    cavity = p.edge(gap - 0.0006, 1.3) * ends
    depth = smooth(0.0, 0.05, lips.inner_low - lips.inner_up)
    if cavity.max() > 0.05:
        dark = linear(np.array([74, 26, 24]))[:, None, None] * (1 - 0.85 * depth) * brightness * np.ones_like(p.y)
        paint(view, p, cavity, dark)
        # tongue: on the floor of an open mouth
        floor = shape.middle("line") + shape.middle("part_low")
        if shape.jaw > 0.1:
            body = p.edge(1 - (p.u / 0.075) ** 2 - ((p.y - floor - 0.004) / (0.034 * shape.jaw)) ** 2, 14)
            flesh = linear(np.array([176, 92, 92])) * 0.8 * brightness
            paint(view, p, cavity * body * 0.85, flesh)
        # teeth: the upper ones stay with the skull, the lower ones go with the jaw
        neck = 1 - 0.55 * (p.u / 0.11) ** 2
        shadow = 0.5 + 0.5 * smooth(0.0, 0.012, p.y - lips.inner_up)
        # hardly any light enters a slit
        shadow = shadow * (0.25 + 0.75 * smooth(0.006, 0.018, lips.inner_low - lips.inner_up))
        seams = 1 - 0.16 * np.exp(-(((np.mod(p.u + 0.0001, 0.022) - 0.0) / 0.0022) ** 2))
        tooth = linear(np.array([228, 219, 202]))[:, None, None] * (
            np.clip(neck, 0.15, 1) * seams * shadow * 0.95 * brightness
        )
        edge = relaxed.line + 0.012 - 0.25 * p.u**2 / 0.1
        upper = p.edge(edge - p.y, 1.5) * smooth(0.118, 0.085, p.u)
        lower_edge = relaxed.line + 0.020 + 0.086 * shape.jaw + 0.2 * p.u**2 / 0.1
        lower = p.edge(p.y - lower_edge, 1.5) * smooth(0.10, 0.07, p.u) * 0.75
        paint(view, p, cavity * upper, tooth)
        paint(view, p, cavity * lower, tooth * 0.8)
        # the lip's shadow into the mouth
        p.of(view)[:] *= 1 - 0.35 * cavity * smooth(0.006, 0.0, gap)
    # where lips touch
    press = half.part_up + half.part_low
    touch = (
        np.exp(-(((p.y - lips.line) / max(0.0065, 0.9 * p.step)) ** 2)) * ends * smooth(0.012, 0.0, np.asarray(press))
    )
    corner = np.exp(-(((p.u - half.corner[0] + 0.004) / 0.010) ** 2) - ((p.y - half.corner[1]) / 0.007) ** 2)
    p.of(view)[:] *= (
        1 - np.maximum(0.72 * touch * (0.80 + 0.20 * t), 0.45 * corner) * np.array([0.9, 1, 1])[:, None, None]
    )
