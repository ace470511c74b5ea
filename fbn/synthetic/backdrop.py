"""What stands behind a head: a blurred room, a neck and shoulders."""

import cv2
import numpy as np

from fbn.synthetic.geometry import smooth
from fbn.synthetic.parameters import Face
from fbn.synthetic.pose import Pose
from fbn.synthetic.shape import Shape
from fbn.synthetic.skin import linear, tone


def backdrop(side: int, shape: Shape, face: Face, pose: Pose, light: np.ndarray, brightness: float) -> np.ndarray:
    """[3, side, side] linear radiance of everything but the head; ``light`` in the camera's frame."""
    rng = np.random.default_rng(face.scene.background)
    base, other = (linear(rng.uniform(40, 215, 3) * 0.45 + rng.uniform(25, 220) * 0.55) for _ in range(2))
    even, odd = rng.standard_normal((2, 6, 6)).astype(np.float32)
    even, odd = (even + even[:, ::-1]) / 2, (odd - odd[:, ::-1]) / 2
    # what differs left from right follows the lamp, so that a mirrored scene has a mirrored room
    field = cv2.resize(
        even + np.float32(np.tanh(face.scene.light[0] / 10)) * odd, (side, side), interpolation=cv2.INTER_CUBIC
    )
    room = base[:, None, None] + np.clip(0.5 + 0.35 * field, 0, 1) * (other - base)[:, None, None]
    room = room * (0.5 + 0.5 * brightness)

    share = (np.arange(side, dtype=np.float32) + 0.5) / side
    # the trunk follows the head's place, not its turn
    anchor = pose.project(np.array([[0.0, 0.60]]))[0]
    zoom = pose.scale
    x = (share - anchor[0])[None, :] / zoom
    y = (share - anchor[1])[:, None] / zoom + 0.60
    width = 0.245 + 0.03 * face.identity.jaw_width + 0.04 * face.identity.fullness
    step = 1 / (side * zoom)
    spread = width + 0.10 * smooth(0.95, 1.15, y) + 1.2 * np.clip(y - 1.10, 0, None)
    cloth = linear(rng.uniform(25, 200, 3))
    neck_edge = np.clip((spread - np.abs(x)) / (1.5 * step) + 0.5, 0, 1) * smooth(0.5, 0.6, y)
    round_off = 1 - 0.55 * (x / spread) ** 2 + 0.5 * light[0] * x / spread
    chin = shape.middle("chin")
    under = 0.38 + 0.62 * smooth(chin - 0.02, chin + 0.22, y + 0.35 * np.abs(x))
    skin = tone(face.appearance)[:, None, None] * np.clip(round_off, 0.2, 1.4) * under * brightness * 0.95
    room += neck_edge * (skin - room)
    collar = smooth(-0.006, 0.006, y - 1.11 - 0.35 * np.clip(0.18 - np.abs(x), 0, None) + 0.02) * neck_edge
    fabric = cloth[:, None, None] * np.clip(0.75 * round_off + 0.2, 0.2, 1.3) * brightness * 0.8
    room += collar * (fabric - room)
    return room.astype(np.float32)
