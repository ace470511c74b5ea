"""A stand-in for the analyser, so that pages are tested without weights."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from fbn.faces.frames import Frame
from fbn.faces.geometry import Box
from fbn.inference import Affect, FaceResult, FrameResult
from fbn.vocabulary import AU_INDEX


def face(face_id: int = 0, side: float = 80.0, valence: float = 0.5, smoothed: bool = False) -> FaceResult:
    """A happy face with AU12 alone."""
    expression = np.array([0.02, 0.02, 0.02, 0.02, 0.86, 0.03, 0.03], np.float32)
    units = np.full(17, 0.1, np.float32)
    units[AU_INDEX[12]] = 0.9
    affect = Affect(expression, np.array([valence, 0.2], np.float32), units)
    points = np.array([[20, 25], [50, 25], [35, 40], [22, 55], [48, 55]], np.float32) + 10 * face_id
    return FaceResult(face_id, Box(10.0, 10.0, side, side), 0.98, points, affect, affect if smoothed else None)


class FakeAnalyser:
    """Finds the same faces everywhere; none in a black picture."""

    def __init__(self, faces: tuple[FaceResult, ...] = (), **options: object) -> None:
        self.faces, self.options = faces or (face(smoothed=bool(options.get("smooth"))),), options

    def step(self, frame: Frame) -> FrameResult:
        height, width = frame.image.shape[:2]
        found = self.faces if frame.image.any() else ()
        return FrameResult(frame.input, frame.index, frame.timestamp, (width, height), found)

    def stream(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        yield from map(self.step, frames)

    def picture(self, image: np.ndarray) -> FrameResult:
        return self.step(Frame(image))


@pytest.fixture
def analyser() -> FakeAnalyser:
    return FakeAnalyser()
