"""Landmarks of drawn faces: five for alignment, and a dense set of 77."""

import numpy as np

from fbn.synthetic.eyes import lids, pupil
from fbn.synthetic.geometry import SIDES, Half
from fbn.synthetic.mouth import Lips
from fbn.synthetic.parameters import Face
from fbn.synthetic.shape import WIDEST, Shape

#: Part of the face -> its points in the dense set; left and right as seen in the picture.
PARTS: dict[str, slice] = {}
_COUNTS = {
    "jaw": 17,
    "left_brow": 5,
    "right_brow": 5,
    "nose_bridge": 4,
    "nose_base": 5,
    "left_eye": 6,
    "right_eye": 6,
    "mouth_outer": 12,
    "mouth_inner": 8,
    "left_iris": 5,
    "right_iris": 5,
}
_start = 0
for _name, _count in _COUNTS.items():
    PARTS[_name] = slice(_start, _start + _count)
    _start += _count


def _jaw(half: Half) -> np.ndarray:
    """[9, 2] from beside the eye down to the chin."""
    angle = np.linspace(0, np.pi / 2, 9)
    t = np.sin(angle)
    u = half.width * np.sqrt(np.clip(1 - t**half.square, 0, None))
    return np.stack([u, WIDEST + t * (half.chin - WIDEST)], 1)


def _eye(half: Half) -> np.ndarray:
    """[6, 2] inner corner, two on the upper lid, outer corner, two on the lower lid from outside in."""
    t = np.array([-1, -0.33, 0.33, 1, 0.33, -0.33])
    u = half.eye[0] + t * half.eye_half_width
    upper, lower, _ = lids(half, u)
    return np.stack([u, np.where(np.arange(6) < 4, upper, np.maximum(lower, upper))], 1)


def _lips(shape: Shape, half: Half) -> tuple[np.ndarray, np.ndarray]:
    """[7, 2] outer and [5, 2] inner lip points from the top of the midline over the corner to its bottom."""
    outer = half.corner[0] * np.array([0.0, 0.26, 0.65, 1.0, 0.65, 0.26, 0.0])
    inner = half.corner[0] * np.array([0.0, 0.4, 0.97, 0.4, 0.0])
    lines = Lips(shape, half, np.concatenate([outer, inner]))
    outside = np.where(np.arange(7) < 3, lines.outer_up[:7], lines.outer_low[:7])
    outside[3] = half.corner[1]
    inside = np.where(np.arange(5) < 2, lines.inner_up[7:], lines.inner_low[7:])
    inside[2] = lines.line[9]
    return np.stack([outer, outside], 1), np.stack([inner, inside], 1)


def _iris(half: Half, face: Face, side: int) -> np.ndarray:
    """[5, 2] middle, then out, up, in, down on the rim, towards the picture's right, up, left, down."""
    u, y = pupil(half, face.scene.gaze, side)
    ring = half.iris * np.array([[0, 0], [side, 0], [0, -1], [-side, 0], [0, 1]])
    return np.array([u, y]) + ring


def face_points(shape: Shape, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Return the [5, 2] and [77, 2] landmarks in face coordinates."""
    right, left = shape.halves

    def flip(points: np.ndarray) -> np.ndarray:
        return points * [-1, 1]

    jaw = np.concatenate([flip(_jaw(left)), _jaw(right)[-2::-1]])
    tip = shape.middle("tip")
    bridge = np.array([[0.0, y] for y in np.linspace(0.36, tip, 4)])
    rim = np.array([0.012, 0.008])
    wing_right, wing_left = right.wing + rim, flip(left.wing + rim)
    base = np.stack(
        [
            wing_left,
            wing_left * [0.5, 1] + [0, 0.012],
            [0.0, tip + 0.062],
            wing_right * [0.5, 1] + [0, 0.012],
            wing_right,
        ]
    )
    eye_left, eye_right = flip(_eye(left)), _eye(right)
    (out_left, in_left), (out_right, in_right) = _lips(shape, left), _lips(shape, right)
    outer = np.concatenate([flip(out_left)[3::-1], out_right[1:], flip(out_left)[5:3:-1]])
    inner = np.concatenate([flip(in_left)[2::-1], in_right[1:], flip(in_left)[3:4]])
    dense = np.concatenate(
        [
            jaw,
            flip(left.brow)[::-1],
            right.brow,
            bridge,
            base,
            # outer corner first, as seen from the left
            eye_left[[3, 2, 1, 0, 5, 4]],
            eye_right,
            outer,
            inner,
            flip(_iris(left, face, SIDES[1])),
            _iris(right, face, SIDES[0]),
        ]
    )
    five = np.array([left.eye * [-1, 1], right.eye, [0.0, tip], left.corner * [-1, 1], right.corner])
    return five, dense
