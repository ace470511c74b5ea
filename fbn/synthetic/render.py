"""Renders a face's parameters to a picture.

The head is painted in front view on a sheet of face coordinates (relief, skin colour, brows and lips; then shading;
then eyes, mouth and hair). The sheet is then sampled for each pixel under the head's pose, over a backdrop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fbn.synthetic.backdrop import add_trunk, backdrop
from fbn.synthetic.camera import develop
from fbn.synthetic.eyes import draw_eyes, draw_glasses
from fbn.synthetic.features import draw_nostrils, ears
from fbn.synthetic.geometry import Sheet
from fbn.synthetic.hair import draw_hair, hair_masks, paint_beard, paint_brows
from fbn.synthetic.landmarks import PARTS, face_points
from fbn.synthetic.mouth import Mouth, draw_mouth, paint_lips
from fbn.synthetic.parameters import Face, Hair, Scene
from fbn.synthetic.pose import Pose, lookup, rotation
from fbn.synthetic.shape import Shape, both
from fbn.synthetic.skin import colour, grain, relief, seed_of, shade

#: Range of sides in which pictures are drawn; others are resized.
_SMALLEST, _LARGEST = 96, 320


@dataclass(frozen=True)
class Picture:
    """A drawn face.

    Attributes:
        image: [size, size, 3] uint8 RGB.
        landmarks: [5, 2] float32 pixels in ``fbn.faces.geometry.LANDMARK_NAMES`` order.
        dense: [77, 2] float32 pixels.
        parts: part of the face -> its dense points; left and right as seen in the picture.
    """

    image: np.ndarray
    landmarks: np.ndarray
    dense: np.ndarray
    parts: dict[str, slice]


def render(face: Face, size: int = 112) -> Picture:
    """Draw one face. At zoom 1, without rotation or shift, it is placed as in an aligned crop, 4 % smaller.

    Args:
        face: the face; equal values give equal pixels.
        size: side of the picture in pixels.

    Raises:
        ValueError: the size is below 8.
    """
    if size < 8:
        raise ValueError(f"size = {size}: expected at least 8 pixels")
    side = size if _SMALLEST <= size <= _LARGEST else min(_LARGEST, size * -(-_SMALLEST // size))
    shape = Shape.of(face)
    pose = Pose.of(face.scene, face.camera, shape)
    x, y = pose.unproject(side)
    image = _compose(face, shape, pose, x, y, side)
    if side != size:
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)
    five, dense = face_points(shape, face)
    # pixel centres lie at integers
    return Picture(
        develop(image, face.camera),
        (pose.project(five) * size - 0.5).astype(np.float32),
        (pose.project(dense) * size - 0.5).astype(np.float32),
        dict(PARTS),
    )


def render_batch(faces: Sequence[Face], size: int = 112) -> list[Picture]:
    """Draw several faces as ``render``."""
    return [render(face, size) for face in faces]


def lamp(scene: Scene) -> np.ndarray:
    """Return the [3] unit vector towards the lamp in the camera frame: x right, y down, z to the camera."""
    azimuth, elevation = np.radians(scene.light)
    return np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], np.float32
    )


def _compose(face: Face, shape: Shape, pose: Pose, x: np.ndarray, y: np.ndarray, side: int) -> np.ndarray:
    """Return the picture's linear radiance, [side, side, 3]."""
    scene = face.scene
    density = min(1.15 * side * face.camera.zoom, 340.0)
    margin = 2 / density
    half_width = min(float(np.abs(x).max()) + margin, 0.56)
    sheet = Sheet.covering(half_width, max(float(y.min()) - margin, -0.42), min(float(y.max()) + margin, 1.28), density)
    turn = rotation(scene).astype(np.float32)
    light = lamp(scene)
    local, view = turn.T @ light, turn.T @ np.array([0, 0, 1], np.float32)
    # what a surface facing the camera receives
    brightness = float(
        (1 - 0.70 * scene.hardness) * 0.72 + (0.26 + 0.74 * scene.hardness) * max(0.15, 0.25 + 0.75 * light[2])
    )

    level, distance = both(sheet, shape)
    height = relief(sheet, shape, face, level)
    # long hair lies over the ears
    ear = sheet.zeros() if face.appearance.hair is Hair.LONG else ears(sheet, height, shape, distance)
    albedo = colour(sheet, shape, face)
    seed = seed_of(face)
    pores, strands = grain(sheet, "pores", seed >> 3), grain(sheet, "strands", seed)
    paint_beard(sheet, albedo, shape, face, pores, strands)
    paint_brows(sheet, albedo, shape, face, 0.5 * (pores + strands))
    mouth = Mouth.of(sheet, shape)
    if mouth:
        paint_lips(mouth, albedo, height, shape, face)
    lit = shade(height, sheet.step, albedo, local, view, scene.hardness)
    draw_nostrils(sheet, lit, shape)
    draw_eyes(sheet, lit, shape, face, local, brightness)
    if mouth:
        draw_mouth(mouth, lit, shape, brightness)
    front, behind = hair_masks(sheet, shape, face, strands)
    cover = np.maximum(sheet.edge(distance, 1.5), ear)
    # beyond the skull nothing but hair may show at its edge
    draw_hair(sheet, lit, np.maximum(front, (front > 0) * (1 - cover)), face, strands, local, brightness)
    draw_glasses(sheet, lit, shape, face, brightness)
    cover = np.maximum(cover, front)
    image = backdrop(side, face, brightness)
    if behind.any():
        fall = sheet.zeros(3)
        draw_hair(sheet, fall, behind, face, strands, local, 0.55 * brightness)
        image = _over(image, fall, behind, sheet, x, y)
    add_trunk(image, shape, face, pose, light, brightness)
    image = _over(image, lit * cover, cover, sheet, x, y)
    warmth = np.float32(1) + np.float32(scene.warmth) * np.array([0.10, 0.0, -0.16], np.float32)
    return np.asarray(image * warmth, np.float32)


def _over(
    under: np.ndarray, colour: np.ndarray, cover: np.ndarray, sheet: Sheet, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """A sheet's layer [3, H, W], already times its cover [H, W], seen at x, y over a picture [side, side, 3]."""
    layer = np.ascontiguousarray(np.concatenate([colour, cover[None]]).transpose(1, 2, 0), np.float32)
    seen = lookup(layer, sheet, x, y)
    return np.asarray(seen[..., :3] + (1 - seen[..., 3:]) * under)
