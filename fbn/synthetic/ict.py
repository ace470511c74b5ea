"""Renders the same faces with ICT-FaceKit's morphable model (Li et al. 2020), if it is installed.

A reference for fbn's drawn face: scanned geometry and hand-made expression shapes, but no creases, a uniform skin and
no hair. World, pose, light and camera are shared with the drawn face.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.sparse import coo_matrix

from fbn.errors import FormatError, MissingFileError
from fbn.faces.align import TEMPLATE, similarity
from fbn.synthetic.backdrop import backdrop
from fbn.synthetic.camera import develop
from fbn.synthetic.parameters import Face, HairColour
from fbn.synthetic.pose import rotation
from fbn.synthetic.render import Picture, lamp
from fbn.synthetic.skin import linear, tone
from fbn.vocabulary import AU_INDEX

KEYS = ("neutral", "expr", "expr_names", "identity", "faces")
#: FACS number -> shapes and their weight at intensity 1. ``_`` at the end: one shape for each side.
SHAPES: dict[int, dict[str, float]] = {
    1: {"browInnerUp_": 1.0},
    2: {"browOuterUp_": 1.0},
    4: {"browDown_": 1.0},
    5: {"eyeWide_": 1.0},
    6: {"cheekRaiser_": 0.8, "cheekSquint_": 0.4},
    7: {"eyeSquint_": 1.0, "eyeBlink_": 0.12},
    9: {"noseSneer_": 1.0},
    10: {"mouthUpperUp_": 1.0},
    12: {"mouthSmile_": 1.0},
    14: {"mouthDimple_": 1.0},
    15: {"mouthFrown_": 1.0},
    17: {"mouthShrugLower": 0.8},
    20: {"mouthStretch_": 1.0},
    23: {"mouthPress_": 0.5, "mouthRollLower": 0.25, "mouthRollUpper": 0.25},
    24: {"mouthPress_": 1.0, "mouthRollLower": 0.15, "mouthRollUpper": 0.15},
    25: {"mouthLowerDown_": 0.7, "mouthUpperUp_": 0.25, "jawOpen": 0.08},
    26: {"jawOpen": 0.6},
}
# numbers of vertices, from the model's own table of parts and its 68 landmarks
_SKIN, _EYES, _LASHES = slice(0, 14062), (slice(22221, 23021), slice(23791, 24591)), slice(25351, 26719)
_SOCKETS, _GUMS, _TEETH = slice(11248, 14062), slice(14062, 17039), slice(17039, 21451)
_VERTICES = 26719
#: Left and right as in the picture: the person's right eye comes first.
_EYE_CORNERS = ((1507, 1528), (3742, 3721))
_NOSE_TIP, _MOUTH_CORNERS = 4857, (5708, 6213)
_UPPER_LIP, _LOWER_LIP = (5708, 5695, 2081, 0, 4275, 6200, 6213), (5708, 5841, 5957, 5518, 6461, 6346, 6213)
_BROWS = ((268, 493, 1914, 2044, 1401), (3615, 4240, 4114, 2734, 2509))
#: Longest distance between points that are drawn, in the model's units; the eyes are 6.3 of them apart.
_SPACING = 0.17
_MODES_SPREAD = 0.9
_HAIR = {
    HairColour.BLACK: (28, 24, 22),
    HairColour.BROWN: (74, 50, 35),
    HairColour.BLOND: (176, 140, 92),
    HairColour.GRAY: (150, 148, 145),
}


@dataclass(frozen=True)
class IctFace:
    """A morphable head model.

    Attributes:
        neutral: [V, 3] x to the person's left, y up, z to the front, in its own units.
        shapes: expression shape -> [V, 3] displacement.
        modes: [M, V, 3] identity.
        faces: [F, 4] corners, a triangle's last one repeated.
        ties: [n] a face and [n, 4] the weights of its corners, for each drawn point.
        normals: sparse [V, F], sums the normals of a vertex's faces.
        lips, brows, hair: [V] opacity of their colour, in [0, 1].
    """

    neutral: np.ndarray
    shapes: dict[str, np.ndarray]
    modes: np.ndarray
    faces: np.ndarray
    ties: tuple[np.ndarray, np.ndarray]
    normals: Any
    lips: np.ndarray
    brows: np.ndarray
    hair: np.ndarray

    @staticmethod
    def read(path: Path) -> "IctFace":
        """Read ``ict_facekit.npz``; cached in memory.

        Raises:
            MissingFileError: the file does not exist.
            FormatError: an array is missing or has another shape; the message names it.
        """
        if not path.is_file():
            raise MissingFileError(f"{path}: expected ICT-FaceKit's arrays {', '.join(KEYS)}")
        return _read(path)

    def draw(self, faces: Sequence[Face], size: int = 112) -> list[Picture]:
        """Draw faces as ``fbn.synthetic.render.render_batch``, but without dense landmarks."""
        return [self._draw(face, size) for face in faces]

    def vertices(self, face: Face) -> np.ndarray:
        """Return the [V, 3] vertices for a face's identity and action units, before its pose."""
        placed = self.neutral + np.tensordot(_modes(face, len(self.modes)), self.modes, 1)
        for name, weight in weights(face).items():
            if weight:
                placed = placed + np.float32(weight) * self.shapes[name]
        return np.asarray(placed, np.float32)

    def _draw(self, face: Face, size: int) -> Picture:
        camera, scene = face.camera, face.scene
        placed = self.vertices(face)
        # weak perspective, rotation about the head's centre; neutral eyes and mouth as in an aligned crop
        flip = np.array([1, -1, 1], np.float32)
        rest = similarity(_five(self.neutral * flip)[:, :2], TEMPLATE)
        scale = float(np.hypot(*rest[:, 0]))
        pivot = np.array([0, -1, 2], np.float32)
        turn = rotation(scene).astype(np.float32)
        seen = ((placed * flip - pivot) @ turn.T) * np.float32(scale * camera.zoom)
        middle = rest[:, :2] @ pivot[:2] + rest[:, 2]
        seen[:, :2] += 0.5 + camera.zoom * (middle - 0.5) + np.array(camera.shift)
        image = backdrop(size, face, 1.0)
        self._splat(image, seen * size - 0.5, self._lit(face, seen))
        five = (_five(seen) * size - 0.5)[:, :2].astype(np.float32)
        return Picture(develop(image, camera), five, np.zeros((0, 2), np.float32), {})

    def _lit(self, face: Face, seen: np.ndarray) -> np.ndarray:
        """Return [V, 4] the radiance of each vertex, and its normal's component towards the camera."""
        corners = seen[self.faces]
        across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        normals = self.normals @ across
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        # y points down here, which inverts the normals
        normals = -normals
        hard = face.scene.hardness
        diffuse = np.clip(normals @ lamp(face.scene), 0, None)
        sky = 0.75 - 0.25 * normals[:, 1]
        light = (1 - 0.7 * hard) * 0.9 * sky + (0.25 + 0.75 * hard) * diffuse
        return np.concatenate([self._albedo(face) * light[:, None], normals[:, 2:]], 1).astype(np.float32)

    def _albedo(self, face: Face) -> np.ndarray:
        look = face.appearance
        skin = tone(look)
        colour = np.tile(skin, (len(self.neutral), 1))
        lip = skin * np.array([0.85, 0.55, 0.55]) * (1 - 0.35 * look.lipstick)
        hair = linear(np.array(_HAIR[look.hair_colour]))
        brow = 0.6 * hair + 0.1 * skin
        for amount, paint in ((self.lips, lip), (self.brows, brow), (self.hair, hair)):
            colour += amount[:, None] * (paint - colour)
        colour[_SOCKETS] = skin * np.array([0.25, 0.1, 0.1])
        colour[_GUMS] = (0.12, 0.03, 0.03)
        colour[_TEETH] = (0.62, 0.6, 0.52)
        iris = linear(np.array([60, 40, 25]) + look.iris * np.array([40, 90, 130]))
        for part in _EYES:
            depth = self.neutral[part, 2].max() - self.neutral[part, 2]
            colour[part] = np.where(depth[:, None] < 0.20, iris, (0.72, 0.70, 0.68))
            colour[part][depth < 0.05] = 0.005
        colour[_LASHES] = 0.3 * skin
        return colour

    def _splat(self, image: np.ndarray, seen: np.ndarray, lit: np.ndarray) -> None:
        """Draw the points into a picture [S, S, 3], the nearest last, and fill the gaps between them."""
        size = len(image)
        which, shares = self.ties
        values = np.concatenate([seen, lit], 1, dtype=np.float32)
        front = (values[self.faces, 6] > 0).any(1)[which]
        which, shares = which[front], shares[front]
        points = sum(shares[:, k, None] * values[self.faces[which, k]] for k in range(4))
        points = points[points[:, 6] > 0]
        points = points[np.argsort(points[:, 2])]
        column, row = np.rint(points[:, 0]).astype(int), np.rint(points[:, 1]).astype(int)
        inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
        row, column, points = row[inside], column[inside], points[inside]
        layer = np.zeros((size, size, 4), np.float32)
        layer[row, column, :3], layer[row, column, 3] = points[:, 3:6], 1
        depth = np.full((size, size), points[:, 2].min(initial=0), np.float32)
        depth[row, column] = points[:, 2]
        # removes points seen through gaps between nearer ones
        layer[depth < cv2.medianBlur(depth, 3) - 0.015 * size] = 0
        wide = cv2.blur(layer, (3, 3))
        filled = wide[..., :3] / np.maximum(wide[..., 3:], 1e-6)
        covered = layer[..., 3:] > 0
        image[:] = np.where(covered, layer[..., :3], np.where(wide[..., 3:] > 0.5, filled, image))


def weights(face: Face) -> dict[str, float]:
    """Return expression shape -> weight in [0, 1] for a face's action units, gaze and blink.

    Contributions of several AUs are added. If the jaw opens without AU25, the lips stay closed.
    """
    found: dict[str, float] = {}

    def add(name: str, share: float) -> None:
        found[name] = min(1.0, found.get(name, 0.0) + share)

    for number, shapes in SHAPES.items():
        left, right = face.action_units[AU_INDEX[number]]
        for name, share in shapes.items():
            if name.endswith("_"):
                add(f"{name}L", share * left)
                add(f"{name}R", share * right)
            else:
                add(name, share * (left + right) / 2)
    parted = max(face.action_units[AU_INDEX[25]])
    add("mouthClose", max(0.0, found["jawOpen"] * (1 - 1.5 * parted)))
    x, y = face.scene.gaze
    # the person's left eye looks outwards to the picture's right
    for side, outwards in (("L", x), ("R", -x)):
        add(f"eyeLookOut_{side}", max(0.0, outwards))
        add(f"eyeLookIn_{side}", max(0.0, -outwards))
        add(f"eyeLookDown_{side}", 0.6 * max(0.0, y))
        add(f"eyeLookUp_{side}", 0.6 * max(0.0, -y))
        add(f"eyeBlink_{side}", face.scene.blink)
    return found


def _modes(face: Face, count: int) -> np.ndarray:
    """Return [M] identity coefficients of a person: a fixed random projection of the traits."""
    traits = np.array(list(face.identity.model_dump().values()), np.float32)
    turn = np.random.default_rng(0).standard_normal((count, len(traits)))
    # traits spread by some 0.4
    return (_MODES_SPREAD * turn @ traits / (0.4 * np.sqrt(len(traits)))).clip(-2, 2).astype(np.float32)


def _five(vertices: np.ndarray) -> np.ndarray:
    """Return the [5, 3] landmarks in ``LANDMARK_NAMES`` order."""
    eyes = [vertices[list(pair)].mean(0) for pair in _EYE_CORNERS]
    return np.stack([*eyes, vertices[_NOSE_TIP], *vertices[list(_MOUTH_CORNERS)]])


@lru_cache(maxsize=1)
def _read(path: Path) -> IctFace:
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in KEYS}
    except KeyError as error:
        raise FormatError(f"{path}: {error.args[0]}; expected {', '.join(KEYS)}") from None
    except (ValueError, OSError) as error:
        raise FormatError(f"{path}: expected a NumPy archive of plain arrays ({error})") from None
    neutral, faces = data["neutral"].astype(np.float32), data["faces"].astype(np.int64)
    names = [str(name) for name in data["expr_names"]]
    expected = {"neutral": (_VERTICES, 3), "expr": (len(names), _VERTICES, 3)}
    for key, shape in expected.items():
        if data[key].shape != shape:
            raise FormatError(f"{path}: {key} has shape {data[key].shape}, expected {shape}")
    shapes = dict(zip(names, data["expr"].astype(np.float32), strict=True))
    if missing := sorted(set(weights(Face())) - set(shapes)):
        raise FormatError(f"{path}: expr_names lacks {', '.join(missing)}")
    faces = np.where(faces < 0, faces[:, 2:3], faces)
    # the back of the head is never visible
    faces = faces[_drawn_vertices(len(neutral))[faces].all(1) & (neutral[faces, 2].mean(1) > -2)]
    ones = np.ones(faces.size, np.float32)
    normals = coo_matrix((ones, (faces.ravel(), np.repeat(np.arange(len(faces)), 4))), (len(neutral), len(faces)))
    top, back = neutral[:, 1], neutral[:, 2]
    skin = np.zeros(len(neutral), np.float32)
    skin[_SKIN] = 1
    return IctFace(
        neutral,
        shapes,
        data["identity"].astype(np.float32),
        faces,
        _ties(neutral, faces),
        normals.tocsr(),
        skin * _lips(neutral),
        skin * _brows(neutral),
        skin * np.clip(np.maximum((top - 9.5) / 0.8, np.minimum((4.5 - back) / 0.8, (top + 3) / 0.8)), 0, 1),
    )


def _drawn_vertices(count: int) -> np.ndarray:
    """Return [V] bool, the vertices to draw: skin, inside of the mouth, eyeballs without the cornea, lashes."""
    drawn = np.zeros(count, bool)
    for part in (_SKIN, _GUMS, _TEETH, *_EYES, _LASHES):
        drawn[part] = True
    return drawn


def _lips(neutral: np.ndarray) -> np.ndarray:
    """Return [V] the opacity of the lips' colour: 1 within their outer lines, 0 elsewhere."""
    upper, lower = (np.interp(neutral[:, 0], *neutral[list(line), :2].T) for line in (_UPPER_LIP, _LOWER_LIP))
    inner = np.minimum(upper - neutral[:, 1], neutral[:, 1] - lower)
    wide = np.abs(neutral[:, 0]) < neutral[list(_MOUTH_CORNERS), 0].max()
    return np.asarray(wide * (neutral[:, 2] > 9) * np.clip(inner / 0.15, 0, 1), np.float32)


def _brows(neutral: np.ndarray) -> np.ndarray:
    """Return [V] the opacity of the brows' colour: 1 in a band around each brow's line, 0 elsewhere."""
    amount = np.zeros(len(neutral), np.float32)
    for line in _BROWS:
        points = neutral[list(line), :2]
        points = points[np.argsort(points[:, 0])]
        curve = np.interp(neutral[:, 0], points[:, 0], points[:, 1]) - 0.15
        on = (neutral[:, 0] >= points[0, 0]) & (neutral[:, 0] <= points[-1, 0]) & (neutral[:, 2] > 5)
        amount = np.maximum(amount, on * np.clip(1.6 - np.abs(neutral[:, 1] - curve) / 0.3, 0, 1))
    return amount


def _ties(neutral: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points on all faces, at most ``_SPACING`` apart: [n] face, [n, 4] weights of its corners."""
    corners = neutral[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=-1).max(1)
    cuts = np.clip(np.ceil(longest / _SPACING), 1, 8).astype(int)
    which, shares = [], []
    for cut in np.unique(cuts):
        own = np.flatnonzero(cuts == cut)
        at = (np.arange(cut) + 0.5) / cut
        u, v = (grid.ravel() for grid in np.meshgrid(at, at))
        share = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], -1).astype(np.float32)
        which.append(np.repeat(own, len(share)))
        shares.append(np.tile(share, (len(own), 1)))
    return np.concatenate(which), np.concatenate(shares)
