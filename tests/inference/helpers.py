"""Results made up, for tests of what comes after the network."""

from collections.abc import Sequence

import numpy as np

from fbn.faces.geometry import Box
from fbn.inference import Affect, FaceResult, FrameResult

LANDMARKS = np.array([[20, 20], [40, 20], [30, 30], [22, 40], [38, 40]], np.float32)


def affect(seed: int = 0) -> Affect:
    random = np.random.default_rng(seed)
    expression = random.dirichlet(np.ones(7))
    return Affect(*(v.astype(np.float32) for v in (expression, random.uniform(-1, 1, 2), random.random(17))))


def face(face_id: int = 0, read: Affect | None = None, box: Box = Box(10, 10, 40, 40)) -> FaceResult:
    return FaceResult(face_id, box, 0.9, LANDMARKS, read or affect(face_id))


def frame(index: int = 0, faces: Sequence[FaceResult] = (), name: str = "clip.mp4") -> FrameResult:
    return FrameResult(name, index, index / 30, (64, 64), tuple(faces))


def sequence(values: Sequence[float | None], face_id: int = 0) -> list[FrameResult]:
    """Frames whose one face has all 26 values equal to the given ones; no face where None."""
    return [
        frame(i, [] if v is None else [face(face_id, Affect.from_vector(np.full(26, v, np.float32)))])
        for i, v in enumerate(values)
    ]
