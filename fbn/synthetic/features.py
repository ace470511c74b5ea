"""Nostrils and ears."""

import numpy as np

from fbn.synthetic.geometry import Sheet, halves, smooth
from fbn.synthetic.shape import Shape


def draw_nostrils(sheet: Sheet, picture: np.ndarray, shape: Shape) -> None:
    """Darken both nostrils in a shaded picture [3, H, W], in place."""
    for half, view in zip(shape.halves, halves(picture), strict=True):
        u, y = 0.47 * half.wing[0], half.wing[1] + 0.017
        patch, any_point = sheet.window((0.0, u + 0.04), (y - 0.03, y + 0.03))
        if not any_point:
            continue
        du, dy = patch.u - u, patch.y - y
        across, down = du + 0.35 * dy, dy - 0.28 * du
        hole = np.exp(-(((across / 0.0165) ** 2 + (down / 0.0080) ** 2) ** 1.5))
        patch.of(view)[:] *= 1 - hole * np.array([0.80, 0.90, 0.92])[:, None, None]


def ears(sheet: Sheet, height: np.ndarray, shape: Shape, distance: np.ndarray) -> np.ndarray:
    """Add the ears to a relief [H, W], in place.

    Args:
        sheet: the grid.
        height: the relief.
        shape: shape of the face.
        distance: [H, W] to the outline of the face, positive inside.

    Returns:
        [H, W] coverage in [0, 1] of the ears outside the face.
    """
    cover = sheet.zeros()
    for half, rise, view, face in zip(shape.relaxed, halves(height), halves(cover), halves(distance), strict=True):
        u, y = half.width + 0.008, 0.455
        patch, any_point = sheet.window((half.width - 0.05, u + 0.06), (y - 0.12, y + 0.12))
        if not any_point:
            continue
        du, dy = patch.u - u - 0.18 * (y - patch.y), patch.y - y
        narrow = 0.034 * (1 - 1.8 * dy)
        r = np.sqrt((du / narrow) ** 2 + (dy / 0.092) ** 2)
        outside = smooth(0.004, -0.004, patch.of(face))
        patch.of(view)[:] = patch.edge((1 - r) * 0.034, 1.5)
        shell = 0.014 * np.exp(-(((r - 0.78) / 0.16) ** 2)) - 0.012 * np.exp(-((r / 0.45) ** 2)) + 0.02 * (1 - r * r)
        patch.of(rise)[:] += outside * np.clip(shell, -0.02, 0.03)
    return cover
