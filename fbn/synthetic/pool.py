"""Draw aligned crops for training, without files."""

from collections.abc import Callable, Sequence

import numpy as np

from fbn.data.crops import MARGIN, SIZE
from fbn.faces.align import align
from fbn.synthetic.parameters import Face
from fbn.synthetic.render import Picture, render_batch

#: Faces and the side of their pictures -> the pictures.
Draw = Callable[[Sequence[Face], int], list[Picture]]
#: [H, W, 3] uint8 RGB of a face -> [5, 2] landmarks.
Find = Callable[[np.ndarray], np.ndarray]
_BLOCK = 64


def draw_crops(
    faces: Sequence[Face], size: int = SIZE, draw: Draw = render_batch, find: Find | None = None
) -> np.ndarray:
    """Draw faces and align them like real pictures, by default by their true landmarks.

    The camera zooms out so that the crop's margin is drawn too; at zoom 1 a crop has the picture's scale.

    Args:
        faces: the faces to draw.
        size: side of the crop without its margin, in pixels.
        draw: function that draws them.
        find: function that predicts landmarks to use instead (``fbn.faces.landmarks.crop_landmarks``).

    Returns:
        [N, S, S, 3] uint8 RGB with S = size + 2 margin; 144 by default, as ``cached_crops`` cuts them.
    """
    margin = round(size * MARGIN / SIZE)
    side = size + 2 * margin
    crops = np.empty((len(faces), side, side, 3), np.uint8)
    for start in range(0, len(faces), _BLOCK):
        back = [_further(face, size / side) for face in faces[start : start + _BLOCK]]
        for i, picture in enumerate(draw(back, side), start):
            landmarks = find(picture.image) if find else picture.landmarks
            crops[i] = align(picture.image, landmarks, size, margin)
    return crops


def _further(face: Face, share: float) -> Face:
    camera = face.camera
    shift = (camera.shift[0] * share, camera.shift[1] * share)
    zoom = max(0.4, camera.zoom * share)
    return face.model_copy(update={"camera": camera.model_copy(update={"zoom": zoom, "shift": shift})})
