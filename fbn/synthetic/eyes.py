"""Eyes: eyeball, iris, lids, lashes, lid fold and glasses."""

import numpy as np

from fbn.synthetic.geometry import SIDES, Half, Patch, Sheet, halves, paint, smooth
from fbn.synthetic.parameters import Face
from fbn.synthetic.shape import Shape
from fbn.synthetic.skin import linear

_IRIS = np.array([[52, 32, 22], [92, 62, 36], [110, 100, 66], [112, 138, 156]], np.float64)
_LASH = linear(np.array([34, 24, 22]))


def lids(half: Half, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the edges of upper and lower lid over u, and the position along the eye: -1 inner, 1 outer corner."""
    t = (u - half.eye[0]) / half.eye_half_width
    line = half.eye[1] - half.tilt / 2 * t
    arch = np.maximum(1 - t * t, 0)
    upper = line - half.lid_up * arch**0.7 * (1 - 0.10 * t)
    lower = line + half.lid_low * arch**0.8 * (1 + 0.22 * t)
    return upper, lower, t


def pupil(half: Half, gaze: tuple[float, float], side: int) -> tuple[float, float]:
    """Return (u, y) of the pupil."""
    return half.eye[0] - 0.002 + 0.026 * gaze[0] * side, half.eye[1] - 0.006 + 0.013 * gaze[1]


def draw_eyes(
    sheet: Sheet, picture: np.ndarray, shape: Shape, face: Face, light: np.ndarray, brightness: float
) -> None:
    """Paint both eyes into a shaded picture [3, H, W], in place; ``light`` in the head frame."""
    for half, side, view in zip(shape.halves, SIDES, halves(picture), strict=True):
        u, y = half.eye
        reach = half.eye_half_width + 0.035
        patch, any_point = sheet.window((u - reach, u + reach), (y - 0.11, y + 0.06))
        if any_point:
            _draw_eye(view, patch, half, side, face, light * (side, 1, 1), brightness)


def _draw_eye(
    view: np.ndarray, p: Patch, half: Half, side: int, face: Face, light: np.ndarray, brightness: float
) -> None:
    look = face.appearance
    upper, lower, t = lids(half, p.u)
    within = (1 - np.abs(t)) * half.eye_half_width
    aperture = p.edge(np.minimum(np.minimum(p.y - upper, lower - p.y), within), 1.3)
    below_lid = p.y - upper

    # fold of the upper lid, and colour laid on it
    gap = upper - half.fold - 0.004 * (1 - t) * 0.5
    span = smooth(-1.12, -0.75, t) * smooth(1.3, 0.8, t)
    if look.make_up:
        shadow = np.exp(-(((p.y - upper + 0.018) / 0.020) ** 2)) * (p.y < upper) * smooth(1.35, 0.7, np.abs(t))
        paint(view, p, 0.6 * look.make_up * shadow, linear(np.array([86, 52, 62])) * brightness)
    width = max(0.0035, 0.8 * p.step)
    line = np.exp(-(((p.y - gap) / width) ** 2)) * span
    p.of(view)[:] *= 1 - (0.34 + 0.1 * look.age) * line * np.array([0.85, 1, 1])[:, None, None]

    # ball: white, darker towards the corners and under the lid
    cx, cy = pupil(half, face.scene.gaze, side)
    rim = np.maximum(1.02 - 0.42 * np.abs(t) ** 3, 0) * (0.58 + 0.42 * smooth(-0.002, 0.016, below_lid))
    rim = rim * (1 - 0.22 * smooth(0.012, 0.0, lower - p.y))
    white = linear(np.array([232, 224, 217]))[:, None, None] * rim * (0.66 * brightness)
    pink = smooth(-0.72, -0.95, t) * 0.75
    white = white + pink * (linear(np.array([196, 128, 118]))[:, None, None] * rim * brightness - white)
    paint(view, p, aperture, white)
    r = np.sqrt((p.u - cx) ** 2 + (p.y - cy) ** 2)
    disc = p.edge(half.iris - r, 1.2)
    tint = np.array([np.interp(look.iris * 3, np.arange(4), _IRIS[:, c]) for c in range(3)])
    # lighter where the lamp's light lands after crossing the lens, dark at the rim
    glow = 1 + 0.45 * ((p.u - cx) * -light[0] + (p.y - cy) * -light[1]) / half.iris
    spokes = 1 + 0.12 * np.cos(11 * np.arctan2(p.y - cy, np.abs(p.u - cx) + 1e-6)) * smooth(0.010, 0.02, r)
    ring = (1 - 0.6 * smooth(0.72, 1.0, r / half.iris)) * glow * spokes
    iris = linear(tint)[:, None, None] * ring * rim * (1.25 * brightness)
    paint(view, p, aperture * disc, iris)
    paint(view, p, aperture * p.edge(0.0125 - r, 1.2), linear(np.array([10, 8, 8])))
    spark = p.edge(0.0062 - np.hypot(p.u - cx - 0.030 * light[0], p.y - cy + 0.003 - 0.022 * light[1]), 1.6)
    paint(
        view,
        p,
        aperture * spark * (0.45 + 0.5 * face.scene.hardness),
        np.full(3, 0.95, np.float32) * min(1.2, brightness + 0.2),
    )

    # edges: lashes above, a wet pale line and thin lashes below
    thick = 0.0055 + 0.005 * look.make_up
    fade = smooth(-1.05, -0.8, t) * smooth(1.22, 1.0, t)
    upper_line = p.edge(thick * (0.65 + 0.35 * t) - np.abs(below_lid + 0.35 * thick), 1.5) * fade
    paint(view, p, 0.85 * upper_line, _LASH * brightness)
    paint(
        view,
        p,
        0.35 * p.edge(0.003 - np.abs(p.y - lower - 0.001), 2.0) * (np.abs(t) < 1),
        linear(np.array([214, 160, 148])) * brightness,
    )
    under = p.edge(0.0028 + 0.003 * look.make_up - np.abs(p.y - lower - 0.004), 2.0) * smooth(-0.6, 0.4, t) * (t < 1.02)
    paint(view, p, (0.28 + 0.4 * look.make_up) * under, _LASH * brightness)


def draw_glasses(sheet: Sheet, picture: np.ndarray, shape: Shape, face: Face, brightness: float) -> None:
    """Paint glasses into a shaded picture [3, H, W], in place."""
    strength = face.appearance.glasses
    if not strength:
        return
    rim = 0.005 + 0.012 * strength
    colour = linear(np.array([30, 27, 28])) * brightness
    middle_y = (shape.relaxed[0].eye[1] + shape.relaxed[1].eye[1]) / 2 + 0.012
    for half, view in zip(shape.relaxed, halves(picture), strict=True):
        patch, any_point = sheet.window((0.0, 0.42), (middle_y - 0.12, middle_y + 0.13))
        if not any_point:
            continue
        across, down = half.eye_half_width + 0.047, 0.078
        qx = np.abs(patch.u - half.eye[0] - 0.004) - across + 0.045
        qy = np.abs(patch.y - middle_y) - down + 0.045
        round_box = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - 0.045
        frame = patch.edge(rim / 2 - np.abs(round_box))
        inner = half.eye[0] + 0.004 - across
        bridge = patch.edge(rim / 2 - np.abs(patch.y - middle_y + 0.025 - 0.010 * (1 - (patch.u / inner) ** 2)))
        arm = patch.edge(rim / 2 - np.abs(patch.y - middle_y + 0.030))
        outer = half.eye[0] + 0.004 + across
        frame = np.maximum(frame, np.maximum(bridge * (patch.u < inner), arm * (patch.u > outer)))
        soft = 0.10 * np.exp(-(((round_box - 0.0) / 0.012) ** 2)) * (patch.y > middle_y)
        patch.of(view)[:] *= 1 - soft
        glare = 0.05 * patch.edge(-round_box) * smooth(0.02, -0.06, patch.y - middle_y + 0.4 * (patch.u - half.eye[0]))
        paint(view, patch, glare, np.full(3, 0.9, np.float32))
        paint(view, patch, 0.95 * frame, colour)
