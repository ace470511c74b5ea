"""Effects of each action unit on one half of a face: displacements of its parts, bumps and creases of the skin.

After Ekman, Friesen & Hager, *Facial Action Coding System* (2002): appearance changes of each AU. Amounts are fbn's
choice, in units of the crop's side (0.01 is about 2 mm).
"""

from dataclasses import dataclass, replace

import numpy as np

from fbn.synthetic.geometry import Half
from fbn.synthetic.parameters import Identity

#: FACS number -> intensity in one half of the face.
Units = dict[int, float]


@dataclass(frozen=True)
class Bump:
    """A round bump of the skin: centre, horizontal and vertical spread, height."""

    u: float
    y: float
    across: float
    down: float
    height: float


@dataclass(frozen=True)
class Crease:
    """A furrow along a curve.

    Attributes:
        upright: True: vertical, points are (y, u); False: horizontal, points are (u, y).
        points: at least two, the first coordinate increasing.
        width: spread of its profile.
        depth: > 0 for a furrow.
        open_start: it does not fade out at its first point but meets its mirror image at the midline.
        overhang: by how much, in depths, the side away from the midline or below stands over the other one.
    """

    upright: bool
    points: tuple[tuple[float, float], ...]
    width: float
    depth: float
    open_start: bool = False
    overhang: float = 0.0


def _across(depth: float, width: float, *points: tuple[float, float], middle: bool = False) -> Crease:
    return Crease(False, points, width, depth, middle)


def _down(depth: float, width: float, *points: tuple[float, float], overhang: float = 0.0) -> Crease:
    """Points are written (u, y) here too."""
    return Crease(True, tuple((y, u) for u, y in points), width, depth, overhang=overhang)


def contract(rest: Half, a: Units, jaw: float, blink: float) -> Half:
    """Return a half of the face with its AUs.

    Args:
        rest: the neutral half.
        a: intensity in [0, 1] by FACS number, all 17.
        jaw: opening of the jaw, in [0, 1]; the same for both halves.
        blink: in [0, 1]; 1: the eye is closed.
    """
    h = replace(rest, brow=rest.brow.copy(), eye=rest.eye.copy(), wing=rest.wing.copy(), corner=rest.corner.copy())

    # brows: the inner raiser wins over the lowerer at the inner end, the outer at the outer end
    down = a[4] * np.array([0.036, 0.033, 0.027, 0.018, 0.008])
    down[:3] *= 1 - a[1] * np.array([0.75, 0.55, 0.15])
    down[2:] *= 1 - a[2] * np.array([0.3, 0.6, 0.6])
    lift = a[1] * np.array([0.056, 0.037, 0.012, 0.0, -0.002]) + a[2] * np.array([0.004, 0.016, 0.038, 0.046, 0.030])
    h.brow[:, 1] += down - lift + a[9] * np.array([0.022, 0.017, 0.010, 0.004, 0.0])
    h.brow[3:, 1] += 0.003 * a[6]
    h.brow[:, 0] -= a[4] * np.array([0.018, 0.015, 0.011, 0.006, 0.003])

    # lids
    h.lid_up += 0.017 * a[5] - 0.007 * a[7] - 0.004 * a[6] - 0.008 * a[9] - 0.004 * a[4] * (1 - a[5])
    h.lid_low -= 0.0135 * a[7] + 0.010 * a[6] + 0.010 * a[9] + 0.002 * a[12]
    h.lid_low += 0.002 * a[5]
    h.fold += 0.004 * a[1] + 0.006 * a[2] - 0.008 * a[4] - 0.006 * a[5]
    h.fold = max(h.fold, 0.004)
    h.lid_up = max(h.lid_up, 0.009) * (1 - blink) - 0.011 * blink
    h.lid_low = max(h.lid_low, -0.006) * (1 - blink) + 0.013 * blink

    # nose
    h.wing += np.array([0.005 * a[9] + 0.004 * a[12] + 0.002 * a[10], -0.030 * a[9] - 0.010 * a[10] - 0.002 * a[12]])
    h.tip += 0.003 * a[10] - 0.012 * a[9]

    # mouth: corners first, then how the line runs to them, then the red, then the gap
    tight, press = a[23], a[24]
    h.corner += (
        a[12] * np.array([0.050, -0.054])
        + a[15] * np.array([0.004, 0.036])
        + a[20] * np.array([0.038, 0.006])
        + a[14] * np.array([0.012, -0.004])
        + a[17] * np.array([-0.004, 0.008])
        + a[23] * np.array([-0.022, 0.0])
        + a[24] * np.array([0.002, 0.002])
        + a[10] * np.array([0.002, -0.003])
        + jaw * np.array([-0.018, 0.028])
    )
    h.line += -0.003 * a[12] - 0.016 * a[17] - 0.009 * a[9] - 0.013 * a[10] + 0.001 * a[15]
    h.bend = 2.0 + 1.1 * a[15] + 0.3 * a[12] + 0.6 * a[17] + 1.5 * a[14]
    h.up *= (1 - 0.45 * tight) * (1 - 0.72 * press) * (1 - 0.28 * a[12]) * (1 - 0.3 * a[20]) * (1 - 0.15 * a[14])
    h.low *= (1 - 0.45 * tight) * (1 - 0.68 * press) * (1 - 0.22 * a[12]) * (1 - 0.3 * a[20]) * (1 + 0.12 * a[17])
    h.up *= (1 + 0.28 * a[10] + 0.10 * a[9]) * (1 - 0.12 * jaw)
    closed = 1 - 0.85 * press
    h.part_up = closed * (
        0.010 * a[25] + 0.022 * a[12] * a[25] + 0.007 * a[9] * a[25] + 0.010 * jaw + 0.012 * a[10] * max(a[25], jaw)
    )
    h.part_up += 0.011 * closed * a[10] * (1 - a[17])
    h.part_low = closed * (0.018 * a[25] + (0.004 * a[20] + 0.010 * a[12]) * a[25]) + jaw * (0.074 - 0.040 * press)
    h.part_low *= 1 - 0.35 * a[17]
    h.chin += 0.066 * jaw - 0.010 * a[17]
    return h


def bumps(h: Half, a: Units, jaw: float) -> list[Bump]:
    """Return the bumps and hollows of the AUs."""
    chin = h.chin - 0.075
    x, y = h.corner
    return [
        # frontalis gathers skin above the brow, corrugator between them
        Bump(0.075, h.brow[0, 1] - 0.05, 0.05, 0.020, 0.008 * a[1]),
        Bump(0.240, h.brow[3, 1] - 0.05, 0.05, 0.020, 0.008 * a[2]),
        Bump(0.052, h.brow[0, 1] - 0.012, 0.022, 0.022, 0.015 * a[4]),
        Bump(0.0, h.brow[0, 1] + 0.030, 0.024, 0.018, 0.010 * a[4] + 0.006 * a[9]),
        # the ring of the eye: outer part lifts the cheek, inner part swells the lower lid
        Bump(0.195, 0.500, 0.065, 0.042, 0.034 * a[6] + 0.018 * a[12]),
        Bump(0.165, h.eye[1] + 0.043, 0.050, 0.013, 0.010 * a[6]),
        Bump(0.165, h.eye[1] + 0.032, 0.046, 0.008, 0.008 * a[7] + 0.003 * a[6]),
        Bump(0.190, 0.580, 0.052, 0.045, 0.036 * a[12] + 0.008 * a[6]),
        Bump(0.275, 0.440, 0.035, 0.030, 0.010 * a[6]),
        # nose
        Bump(0.048, 0.445, 0.018, 0.030, 0.014 * a[9]),
        Bump(0.088, 0.520, 0.022, 0.030, 0.016 * a[9] + 0.007 * a[10]),
        Bump(0.0, 0.350, 0.020, 0.012, 0.008 * a[9]),
        # beside and around the mouth
        Bump(0.118, 0.605, 0.030, 0.030, 0.015 * a[10]),
        Bump(x + 0.028, y - 0.004, 0.013, 0.020, -0.026 * a[14]),
        Bump(x + 0.062, y - 0.005, 0.020, 0.034, 0.015 * a[14]),
        Bump(x + 0.012, y + 0.004, 0.012, 0.012, -0.008 * a[12] - 0.007 * a[15] - 0.007 * a[20] - 0.005 * a[24]),
        Bump(x + 0.018, y + 0.045, 0.022, 0.026, 0.012 * a[15]),
        Bump(x + 0.050, y, 0.040, 0.060, -0.010 * a[20]),
        Bump(0.045, h.line - h.up - 0.018, 0.060, 0.010, 0.009 * a[24] + 0.006 * a[23]),
        Bump(0.045, h.line + h.low + 0.016, 0.060, 0.010, 0.010 * a[24] + 0.006 * a[23]),
        # chin
        Bump(0.0, chin, 0.052, 0.034, 0.024 * a[17]),
        Bump(0.030, chin + 0.004, 0.008, 0.008, -0.004 * a[17]),
        Bump(0.052, chin - 0.014, 0.008, 0.008, -0.004 * a[17]),
        Bump(0.014, chin - 0.018, 0.008, 0.007, -0.004 * a[17]),
        Bump(0.012, chin + 0.024, 0.008, 0.007, -0.003 * a[17]),
        Bump(0.0, h.chin - 0.055, 0.070, 0.040, -0.006 * jaw),
        Bump(0.225, 0.700, 0.050, 0.090, -0.016 * jaw),
    ]


def creases(h: Half, a: Units, identity: Identity, age: float) -> list[Crease]:
    """Return the creases of the AUs, and those of the neutral face and of age."""
    fresh = 0.0062 * (0.78 + 0.55 * age)
    old = 0.0050 * max(0.0, age - 0.15)
    inner, outer = h.brow[0, 1] - 0.292, h.brow[3, 1] - 0.264
    x, y = h.corner
    wing_u, wing_y = h.wing
    eye_u, eye_y = h.eye
    out = eye_u + h.eye_half_width
    lines = []
    for k, height in enumerate((0.205, 0.155, 0.105, 0.06)):
        # the skin rides up with the brow, the more the closer it lies to it
        share = 0.75 - 0.18 * k
        m, o = height + share * inner, height + 0.008 + share * outer
        both = max(a[1], a[2])
        depth_in = fresh * (a[1] * (1.0, 1.05, 0.8, 0.4)[k] + 0.25 * a[2]) + 0.45 * old * (k < 3)
        depth_out = fresh * a[2] * (1.1, 1.0, 0.7, 0.3)[k] + 0.3 * old * (k < 3)
        lines.append(_across(depth_in, 0.0055, (-0.08, m), (0.0, m + 0.004), (0.09, m), (0.20, o), middle=True))
        lines.append(_across(depth_out, 0.0055, (0.10, m), (0.19, o - 0.016 * both), (0.27, o), (0.34, o + 0.03)))
    top = h.brow[0, 1]
    frown = 0.0022 * max(0.0, identity.frown_lines)
    fold = fresh * (0.8 * a[12] + 0.9 * a[10] + 0.35 * a[9] + 0.15 * a[14]) + 0.5 * old
    fold += 0.0014 + 0.0014 * identity.cheek_folds
    lines += [
        # between the brows
        _down(
            fresh * 2.0 * a[4] + 0.3 * old + frown,
            0.0075,
            (0.020, top - 0.075),
            (0.022, top - 0.02),
            (0.030, top + 0.035),
        ),
        _down(fresh * 1.1 * a[4], 0.0075, (0.048, top - 0.07), (0.040, top - 0.04), (0.036, top - 0.005)),
        _across(
            fresh * 0.9 * a[4] + fresh * 1.4 * a[9], 0.006, (-0.04, 0.352), (0.0, 0.350), (0.045, 0.358), middle=True
        ),
        # nose wrinkler: root and sides
        _across(fresh * 2.0 * a[9], 0.006, (-0.05, 0.384), (0.0, 0.380), (0.055, 0.394), middle=True),
        _across(fresh * 1.7 * a[9], 0.006, (-0.05, 0.412), (0.0, 0.408), (0.050, 0.424), middle=True),
        _down(fresh * 2.2 * a[9], 0.006, (0.026, 0.405), (0.052, 0.437), (0.082, 0.455)),
        _down(fresh * 2.0 * a[9], 0.006, (0.030, 0.440), (0.058, 0.473), (0.086, 0.488)),
        _down(fresh * 1.4 * a[9], 0.006, (0.036, 0.478), (0.060, 0.505), (0.084, 0.515)),
        # crow's feet and the furrow under the eye
        *(
            _across(
                (fresh * strength * a[6] + 0.4 * old),
                0.005,
                (out + 0.012, eye_y - 0.008 + 0.010 * k),
                (out + 0.05, eye_y - 0.006 + 0.026 * k),
                (out + 0.095, eye_y - 0.004 + 0.044 * k),
            )
            for k, strength in ((-1, 1.1), (0, 1.4), (1, 1.3), (2, 0.8))
        ),
        _across(
            fresh * (1.35 * a[6] + 0.3 * a[9]) + 0.35 * old,
            0.0065,
            (0.085, eye_y + 0.045),
            (0.16, eye_y + 0.066),
            (0.25, eye_y + 0.052),
        ),
        _across(
            fresh * (1.1 * a[7] + 0.5 * a[6]) + 0.0006,
            0.0048,
            (0.09, eye_y + 0.020),
            (0.16, eye_y + h.lid_low + 0.021),
            (0.235, eye_y + 0.018),
        ),
        # from the nose wing round the mouth corner
        _down(0.9 * fold, 0.012, *_cheek_fold(h, a), overhang=0.75),
        _down(
            fresh * 1.5 * a[9], 0.010, (wing_u + 0.014, wing_y - 0.045), (wing_u + 0.030, wing_y + 0.03), overhang=0.6
        ),
        # behind the nose wing
        _down(
            0.0042,
            0.006,
            (wing_u + 0.012, wing_y - 0.028),
            (wing_u + 0.021, wing_y - 0.002),
            (wing_u + 0.004, wing_y + 0.024),
        ),
        # round the mouth
        _down(fresh * 1.9 * a[14], 0.008, (x + 0.020, y - 0.035), (x + 0.033, y - 0.003), (x + 0.021, y + 0.034)),
        _down(fresh * 0.9 * a[12], 0.006, (x + 0.014, y - 0.022), (x + 0.020, y + 0.002), (x + 0.012, y + 0.028)),
        _down(
            fresh * 1.3 * a[15] + 0.4 * old,
            0.0075,
            (x + 0.010, y - 0.012),
            (x + 0.024, y + 0.03),
            (x + 0.02, y + 0.075),
        ),
        _down(fresh * 1.0 * a[20], 0.007, (x + 0.018, y - 0.05), (x + 0.032, y), (x + 0.026, y + 0.06)),
        _down(fresh * 0.8 * a[20], 0.007, (x + 0.045, y - 0.04), (x + 0.060, y + 0.01), (x + 0.052, y + 0.07)),
        _down(fresh * 1.0 * a[24], 0.005, (x + 0.006, y - 0.02), (x + 0.016, y), (x + 0.006, y + 0.022)),
        # small spokes round tightened lips
        *(
            _down(fresh * 0.8 * a[23], 0.004, (u, h.line - h.up - 0.030), (u * 0.92, h.line - 0.4 * h.up))
            for u in (0.016, 0.042, 0.068)
        ),
        *(
            _down(fresh * 0.7 * a[23], 0.004, (u * 0.92, h.line + 0.5 * h.low), (u, h.line + h.low + 0.026))
            for u in (0.020, 0.048)
        ),
        # under the lower lip
        _across(
            fresh * 1.2 * a[17] + 0.0020 + 0.0012 * identity.chin_boss,
            0.010,
            (-0.08, h.line + h.part_low + h.low + 0.034),
            (0.0, h.line + h.part_low + h.low + 0.024 - 0.006 * a[17]),
            (0.085, h.line + h.part_low + h.low + 0.040),
            middle=True,
        ),
    ]
    return [line for line in lines if line.depth > 3e-4]


def _cheek_fold(h: Half, a: Units) -> list[tuple[float, float]]:
    """The nasolabial fold: bowed outwards by a smile, steep and close to the nose under AU10."""
    start = h.wing + np.array([0.016, -0.032 - 0.012 * a[9]])
    end = h.corner + np.array([0.030 - 0.006 * a[12], -0.006 + 0.026 * a[12]])
    bow = np.array([0.020 * a[12] + 0.014 * a[10], -0.004 * a[12]])
    points = [start, start + 0.36 * (end - start) + bow, start + 0.70 * (end - start) + bow, end]
    return [(float(u), float(y)) for u, y in points]
