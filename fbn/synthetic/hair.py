"""Hair: brows, scalp, stubble and beard."""

import cv2
import numpy as np

from fbn.synthetic.geometry import SIDES, Half, Sheet, halves, paint, smooth, through
from fbn.synthetic.parameters import Face, Hair, HairColour
from fbn.synthetic.shape import Shape
from fbn.synthetic.skin import linear

_COLOURS = {
    HairColour.BLACK: (30, 26, 26),
    HairColour.BROWN: (76, 52, 38),
    HairColour.BLOND: (186, 150, 100),
    HairColour.GRAY: (158, 154, 150),
}


def hair_colour(face: Face) -> np.ndarray:
    """Return the [3] reflectance of the hair."""
    return linear(np.array(_COLOURS[face.appearance.hair_colour]))


def paint_brows(sheet: Sheet, albedo: np.ndarray, shape: Shape, face: Face, strands: np.ndarray) -> None:
    """Paint the brows into albedo [3, H, W] before shading, in place."""
    # brows are seldom as light as the hair
    colour = 0.55 * hair_colour(face) + 0.45 * linear(np.array([44, 32, 27]))
    for half, view, noise in zip(shape.halves, halves(albedo), halves(strands), strict=True):
        brow = half.brow
        patch, any_point = sheet.window(
            (brow[0, 0] - 0.02, brow[-1, 0] + 0.01), (brow[:, 1].min() - 0.04, brow[:, 1].max() + 0.04)
        )
        if not any_point:
            continue
        middle = through(patch.u, brow[:, 0], brow[:, 1])
        t = (patch.u - brow[0, 0]) / (brow[-1, 0] - brow[0, 0])
        thickness = half.brow_thickness * through(
            t, np.array([0, 0.12, 0.4, 0.7, 1]), np.array([0.75, 0.98, 1.0, 0.75, 0.2])
        )
        across = np.abs(patch.y - middle) / np.maximum(thickness, 1e-4)
        mask = smooth(1.12, 0.55, across) * smooth(-0.06, 0.10, t) * smooth(1.03, 0.93, t)
        mask *= 0.80 + 0.10 * np.clip(patch.of(noise), -1.5, 1.5)
        paint(view, patch, np.clip(mask, 0, 0.95), colour)


def paint_beard(
    sheet: Sheet, albedo: np.ndarray, shape: Shape, face: Face, pores: np.ndarray, strands: np.ndarray
) -> None:
    """Paint stubble, beard and moustache into albedo [3, H, W] before shading, in place."""
    look = face.appearance
    if not (look.beard or look.moustache):
        return
    colour = 0.75 * hair_colour(face) + 0.25 * linear(np.array([40, 30, 26]))
    for half, view, a, b in zip(shape.halves, halves(albedo), halves(pores), halves(strands), strict=True):
        patch, any_point = sheet.window((0.0, 0.45), (0.40, half.chin + 0.06))
        if not any_point:
            continue
        u, y = patch.u, patch.y
        # cheek line: from the ear down to beside the mouth
        edge = through(u, np.array([0.0, 0.11, 0.20, 0.30, 0.38]), np.array([0.84, 0.80, 0.70, 0.60, 0.44]))
        chin = shape.middle("line") + shape.middle("part_low") + shape.middle("low")
        jaw = smooth(-0.015, 0.03, y - edge - (chin - 0.772) * np.exp(-((u / 0.12) ** 2)))
        lip = half.line - half.part_up - half.up
        tache = smooth(-0.012, 0.014, y - (half.tip + 0.066 + 0.32 * u)) * smooth(
            0.012, -0.004, y - lip - 0.02 * (u / 0.13) ** 2
        )
        tache = tache * smooth(half.corner[0] + 0.03, half.corner[0] - 0.02, u) * (0.55 + 0.45 * smooth(0.0, 0.015, u))
        beside = np.exp(-(((u - half.corner[0] - 0.022) / 0.018) ** 2)) * smooth(lip - 0.02, lip + 0.03, y)
        region = np.maximum(
            look.beard * np.maximum(jaw, 0.9 * beside * (y < edge + 0.2)), max(look.moustache, 0.8 * look.beard) * tache
        )
        region = region * smooth(half.width + 0.004, half.width - 0.02, u)
        full = smooth(0.25, 0.9, region)
        speckle = (1 - full) * (0.55 + 0.30 * patch.of(a)) + full * (0.92 + 0.08 * patch.of(b))
        paint(view, patch, np.clip(region**0.7 * speckle, 0, 0.96) * (0.55 + 0.42 * full), colour)


def _outline(half: Half, style: Hair, y: np.ndarray) -> np.ndarray:
    """Return the half width of the hair at each height y [H]; negative where there is no hair."""
    puff = {Hair.RECEDING: 0.012, Hair.SHORT: 0.026, Hair.BANGS: 0.036, Hair.LONG: 0.046}[style]
    high = np.maximum((0.33 - y) / (0.33 - half.crown + 1.6 * puff), 0)
    top = (half.width + puff) * np.sqrt(np.maximum(1 - high**2.5, 0)) - 0.2 * (high > 1)
    if style is Hair.LONG:
        fall = half.width + puff + 0.035 * smooth(0.3, 0.9, y) - 0.25 * smooth(1.00, 1.3, y)
        return np.where(y < 0.33, top, fall)
    return np.where(y < 0.33, top, half.width + puff - 0.5 * np.maximum(y - 0.33, 0))


#: Hairline over the forehead, the temple and the cheek: (u, y); hair is above the line.
_HAIRLINES = {
    Hair.RECEDING: [(0, -0.07), (0.10, -0.08), (0.20, -0.10), (0.29, -0.02), (0.345, 0.15), (0.37, 0.36), (0.40, 0.44)],
    Hair.SHORT: [(0, -0.030), (0.12, -0.028), (0.21, 0.0), (0.285, 0.060), (0.338, 0.17), (0.37, 0.37), (0.40, 0.46)],
    Hair.BANGS: [(0, 0.165), (0.12, 0.170), (0.21, 0.175), (0.285, 0.195), (0.330, 0.25), (0.36, 0.38), (0.40, 0.48)],
    Hair.LONG: [(0, -0.045), (0.10, -0.020), (0.20, 0.05), (0.27, 0.15), (0.315, 0.30), (0.338, 0.55), (0.352, 0.95)],
}


def hair_masks(sheet: Sheet, shape: Shape, face: Face, strands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of hair in front of the head and behind it, [H, W] each, in [0, 1]."""
    style = face.appearance.hair
    front, behind = sheet.zeros(), sheet.zeros()
    if style is Hair.BALD:
        return front, behind
    line = np.array(_HAIRLINES[style])
    rows = sheet.y[:, None]
    middle = len(sheet.x) // 2
    locks = cv2.blur(strands, (2 * round(0.006 / sheet.step) + 1, 2 * round(0.05 / sheet.step) + 1))
    for half, side, a, b, noise in zip(shape.relaxed, SIDES, halves(front), halves(behind), halves(locks), strict=True):
        # the parting lies to one side
        u = sheet.x / (1 + 0.08 * face.identity.face_width) + 0.06 * face.identity.asymmetry * side * (
            style is Hair.LONG
        )
        edge = through(u, line[:, 0], line[:, 1])
        slope = np.gradient(edge, sheet.step)
        ragged = 0.030 if style is Hair.BANGS else 0.012
        depth = (edge[None, :] - rows + ragged * noise) / np.sqrt(1 + np.clip(slope, -6, 6) ** 2)[None, :]
        mass = sheet.edge(_outline(half, style, sheet.y)[:, None] - sheet.x[None, :] + 0.006 * noise, 2.0)
        a[:, middle:] = (smooth(-0.008, 0.014, depth) * mass)[:, middle:]
        if style is Hair.LONG:
            b[:, middle:] = mass[:, middle:]
    return front, behind


def draw_hair(
    sheet: Sheet,
    picture: np.ndarray,
    mask: np.ndarray,
    face: Face,
    strands: np.ndarray,
    light: np.ndarray,
    power: float,
) -> None:
    """Paint hair into a shaded picture [3, H, W], in place."""
    if not mask.any():
        return
    x, y = sheet.x[None, :], sheet.y[:, None]
    # a soft band of shine, darkness away from the light and where hair meets skin
    shine = np.exp(-(((y + 0.06 - 0.4 * x * x) / 0.08) ** 2)) * (0.5 - 0.5 * light[1])
    form = 0.70 + 0.9 * x * light[0] + 0.7 * shine
    root = 0.55 + 0.45 * smooth(0.2, 1.0, mask)
    contrast = 0.22 / (1 + 2.2 * float(hair_colour(face).mean()))
    tone = hair_colour(face)[:, None, None] * (
        np.clip(form, 0.25, 2) * np.clip(1 + contrast * strands, 0.3, 2) * root * power
    )
    picture += mask * (tone + 0.02 * shine * power - picture)
