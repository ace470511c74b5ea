"""Background, neck and shoulders."""

import cv2
import numpy as np

from fbn.synthetic.geometry import smooth
from fbn.synthetic.parameters import Face
from fbn.synthetic.pose import Pose
from fbn.synthetic.shape import Shape
from fbn.synthetic.skin import linear, tone


def backdrop(side: int, face: Face, brightness: float) -> np.ndarray:
    """Return the linear radiance [side, side, 3] of a blurred room."""
    rng = np.random.default_rng(face.scene.background)
    base, other = (linear(rng.uniform(40, 215, 3) * 0.3 + rng.uniform(25, 225) * 0.7) for _ in range(2))
    even, odd = rng.standard_normal((2, 5, 5)).astype(np.float32)
    even, odd = (even + even[:, ::-1]) / 2, (odd - odd[:, ::-1]) / 2
    # the antisymmetric part depends on the lamp, so that a mirrored scene has a mirrored room
    field = even + np.float32(np.tanh(face.scene.light[0] / 10)) * odd
    field = cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC)
    mix = np.clip(0.5 + 0.35 * field, 0, 1)[..., None]
    return np.asarray((base + mix * (other - base)) * np.float32(0.5 + 0.5 * brightness))


def add_trunk(picture: np.ndarray, shape: Shape, face: Face, pose: Pose, light: np.ndarray, brightness: float) -> None:
    """Paint neck and shoulders into a picture [side, side, 3], in place; ``light`` in the camera's frame."""
    side = len(picture)
    centres = (np.arange(side, dtype=np.float32) + 0.5) / side
    # the neck follows the head's axis, whatever its pose
    anchor = pose.axis(0.60)
    step = 1 / (side * pose.scale)
    rows = (centres - anchor[1]) / pose.scale + 0.60
    top = int(np.searchsorted(rows, 0.58))
    x = (centres - anchor[0])[None, :] / pose.scale
    y = rows[top:, None]
    width = 0.225 + 0.03 * face.identity.jaw_width + 0.04 * face.identity.fullness
    spread = width + 0.08 * smooth(0.95, 1.15, y) + 1.3 * np.maximum(y - 1.11, 0)
    trunk = np.clip((spread - np.abs(x)) / (1.5 * step) + 0.5, 0, 1) * smooth(0.58, 0.70, y)
    round_off = 1 - 0.55 * (x / spread) ** 2 + 0.5 * light[0] * x / spread
    chin = shape.middle("chin")
    under = 0.34 + 0.66 * smooth(chin - 0.02, chin + 0.25, y + 0.35 * np.abs(x))
    skin = tone(face.appearance) * (np.clip(round_off, 0.2, 1.4) * under * brightness * 0.95)[..., None]
    cloth = linear(np.random.default_rng(face.scene.background + 1).uniform(25, 200, 3))
    collar = smooth(-0.006, 0.006, y - 1.09 - 0.35 * np.maximum(0.18 - np.abs(x), 0))[..., None]
    fabric = cloth * (np.clip(0.75 * round_off + 0.2, 0.2, 1.3) * brightness * 0.8)[..., None]
    view = picture[top:]
    view += trunk[..., None] * (skin + collar * (fabric - skin) - view)
