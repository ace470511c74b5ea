"""Pictures with a teacher's labels, for training and evaluation of the detector."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from fbn.faces.geometry import Box

EXPW = "expw"
Part = Literal["train", "valid", "test"]
#: Data sets in the cache, by number; all except ExpW are for training only.
SETS = (EXPW, "celeba", "affectnet", "drawn", "faceless")


@dataclass(frozen=True)
class Answers:
    """Faces in one picture, in its pixels.

    Attributes:
        boxes: [n, 4] float32 left, top, width, height.
        points: [n, 5, 2] float32 landmarks, in ``LANDMARK_NAMES`` order of an upright face.
        sure: [n] bool; False for uncertain faces, whose points may be zero.
    """

    boxes: np.ndarray
    points: np.ndarray
    sure: np.ndarray

    @classmethod
    def none(cls) -> "Answers":
        """No face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, bool))


@dataclass(frozen=True)
class LabelledPictures:
    """All pictures in one array of pixels, with their labels.

    Attributes:
        pixels: [bytes] uint8, memory-mapped.
        start: [N] where each picture begins in ``pixels``.
        shape: [N, 2] height and width.
        source: [N] index into ``SETS``.
        part: [N] 0 train, 1 valid, 2 test; -1 for a copy of a picture in another split.
        first: [N + 1] where each picture's faces begin in the next four.
        boxes: [F, 4]; points: [F, 5, 2]; sure: [F]: as ``Answers``.
        human_first: [N + 1] where each picture's labelled boxes begin in ``human``.
        human: [H, 4] human-annotated boxes (ExpW).
    """

    pixels: np.ndarray
    start: np.ndarray
    shape: np.ndarray
    source: np.ndarray
    part: np.ndarray
    first: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    sure: np.ndarray
    human_first: np.ndarray
    human: np.ndarray

    def picture(self, index: int) -> np.ndarray:
        """Return picture ``index``, [H, W, 3] uint8 RGB."""
        height, width = self.shape[index]
        start = self.start[index]
        return self.pixels[start : start + height * width * 3].reshape(height, width, 3)

    def answers(self, index: int) -> Answers:
        """Return the teacher's labels of picture ``index``."""
        which = slice(self.first[index], self.first[index + 1])
        return Answers(self.boxes[which], self.points[which], self.sure[which])

    def drawn_by_people(self, index: int) -> np.ndarray:
        """Return the [n, 4] human-annotated boxes of picture ``index``."""
        return self.human[self.human_first[index] : self.human_first[index + 1]]

    def of(self, source: str, part: Part = "train") -> np.ndarray:
        """Return the indices of the pictures in a split of a data set."""
        wanted = ("train", "valid", "test").index(part)
        return np.flatnonzero((self.source == SETS.index(source)) & (self.part == wanted))

    @cached_property
    def faceless_rooms(self) -> dict[int, Box]:
        """ExpW picture -> its largest rectangle without any face, including uncertain ones."""
        rooms = {}
        for index in map(int, np.flatnonzero(self.source == SETS.index(EXPW))):
            height, width = map(int, self.shape[index])
            faces = np.concatenate([self.answers(index).boxes, self.drawn_by_people(index)])
            room = _largest_room(faces, width, height)
            if min(room.w, room.h) >= 48:
                rooms[index] = room
        return rooms


def _largest_room(faces: np.ndarray, width: int, height: int) -> Box:
    """Return the largest rectangle of a picture outside the faces, with a margin for hair and necks."""
    if not len(faces):
        return Box(0, 0, width, height)
    grown = faces[:, :2] - 0.45 * faces[:, 2:], faces[:, :2] + 1.45 * faces[:, 2:]
    best = Box(0, 0, 0, 0)
    lefts = [0.0, *(float(x) for x in grown[1][:, 0])]
    rights = [float(width), *(float(x) for x in grown[0][:, 0])]
    tops = [0.0, *(float(y) for y in grown[1][:, 1])]
    bottoms = [float(height), *(float(y) for y in grown[0][:, 1])]
    for x0 in lefts[:12]:
        for x1 in rights[:12]:
            for y0 in tops[:12]:
                for y1 in bottoms[:12]:
                    if min(x1 - x0, y1 - y0) < 32 or (x1 - x0) * (y1 - y0) <= best.area:
                        continue
                    if max(x0, y0) < 0 or x1 > width or y1 > height:
                        continue
                    hit = (grown[0][:, 0] < x1) & (grown[1][:, 0] > x0) & (grown[0][:, 1] < y1) & (grown[1][:, 1] > y0)
                    if not hit.any():
                        best = Box(np.ceil(x0), np.ceil(y0), np.floor(x1 - np.ceil(x0)), np.floor(y1 - np.ceil(y0)))
    return best
