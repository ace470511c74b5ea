"""Following faces from frame to frame: landmarks every frame, the detector now and then."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from fbn.faces.detect import Detector
from fbn.faces.geometry import Box
from fbn.faces.landmarks import PRESENT, box_of


class LandmarkFinder(Protocol):
    """Finds five landmarks inside given boxes."""

    def __call__(self, image: np.ndarray, boxes: Sequence[Box], passes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """[n, 5, 2] float32 points in pixels of ``image``, [n] float32 presence of a face in [0, 1]."""
        ...


@dataclass(frozen=True)
class Track:
    """One followed face.

    Attributes:
        face_id: stable while the face is followed, and when it returns soon near the same place.
        box: where it is now, around its landmarks.
        score: presence of a face in [0, 1], as the landmark network sees it.
        landmarks: [5, 2] float32 pixels.
        velocity: movement of the box's centre, pixels a frame.
        expected: where its box should be in the next frame, if it goes on like that.
        seen: timestamp of the last frame it was in, seconds.
    """

    face_id: int
    box: Box
    score: float
    landmarks: np.ndarray
    velocity: tuple[float, float]
    expected: Box
    seen: float


@dataclass
class Tracker:
    """Follows faces through one stream of frames.

    Attributes:
        detector: finds new faces.
        landmarks: the landmark network.
        detect_every: frames between two runs of the detector while a face is followed.
        search_every: frames between two runs while there is none (an empty room stays cheap) or one may come back.
        presence: a face below this is lost.
        memory: seconds for which a lost face may come back under its id; in the next frame it always may.
    """

    detector: Detector
    landmarks: LandmarkFinder
    detect_every: int = 30
    search_every: int = 5
    presence: float = PRESENT
    memory: float = 1.0
    _tracks: list[Track] = field(default_factory=list, init=False)
    _lost: list[Track] = field(default_factory=list, init=False)
    _next_id: int = field(default=0, init=False)
    _since_detection: int | None = field(default=None, init=False)

    def step(self, image: np.ndarray, timestamp: float) -> list[Track]:
        """Take the next frame.

        Args:
            image: [H, W, 3] uint8 RGB.
            timestamp: seconds, not falling.

        Returns:
            The faces in it, by id.
        """
        before = self._tracks
        self._tracks = _without_duplicates(self._follow(image, timestamp), before)
        kept = {track.face_id for track in self._tracks}
        gone = [track for track in before if track.face_id not in kept]
        # however long ago the last frame was, as in a stream that stalled: who was in it may be back
        lost = [track for track in self._lost if timestamp - track.seen <= self.memory] + gone
        self._lost = [replace(track, expected=_moved(track.expected, track.velocity)) for track in lost]
        if self._detection_due(bool(gone)):
            first = self._since_detection is None
            self._since_detection = 0
            self._add_new(image, timestamp, thorough=first)
        else:
            self._since_detection = (self._since_detection or 0) + 1
        self._tracks.sort(key=lambda track: track.face_id)
        return list(self._tracks)

    def _detection_due(self, lost_one: bool) -> bool:
        if self._since_detection is None or lost_one:
            return True
        settled = self._tracks and not self._lost
        return self._since_detection + 1 >= (self.detect_every if settled else self.search_every)

    def _follow(self, image: np.ndarray, timestamp: float) -> list[Track]:
        followed = []
        looks = self._look(image, [track.expected for track in self._tracks])
        for old, (points, score) in zip(self._tracks, looks, strict=True):
            box = self._plausible(points, score, image)
            if box is None or box.overlap(old.expected) < 0.3:
                continue
            step = (box.x + box.w / 2 - old.box.x - old.box.w / 2, box.y + box.h / 2 - old.box.y - old.box.h / 2)
            # half old, half new: landmark jitter would otherwise throw the next guess about
            velocity = ((old.velocity[0] + step[0]) / 2, (old.velocity[1] + step[1]) / 2)
            followed.append(Track(old.face_id, box, score, points, velocity, _moved(box, velocity), timestamp))
        return followed

    def _add_new(self, image: np.ndarray, timestamp: float, thorough: bool) -> None:
        boxes = [
            face.box if face.landmarks is None else box_of(face.landmarks) for face in self.detector(image, thorough)
        ]
        # two passes: the second reads around the first's landmarks, so that little depends on the detector's habits
        for points, score in self._look(image, boxes, passes=2):
            box = self._plausible(points, score, image)
            if box is None or any(_same(box, track.box) for track in self._tracks):
                continue
            self._tracks.append(Track(self._id_for(box), box, score, points, (0.0, 0.0), box, timestamp))

    def _look(self, image: np.ndarray, boxes: Sequence[Box], passes: int = 1) -> list[tuple[np.ndarray, float]]:
        if not boxes:
            return []
        points, presence = self.landmarks(image, boxes, passes)
        return [(p, float(s)) for p, s in zip(points, presence, strict=True)]

    def _plausible(self, points: np.ndarray, score: float, image: np.ndarray) -> Box | None:
        """The face's box, or None where this is no face."""
        if not score >= self.presence or not np.isfinite(points).all():
            return None
        # eyes and mouth on one spot: nothing to align by
        if np.ptp(points, axis=0).max() < 3:
            return None
        box = box_of(points)
        x, y = box.x + box.w / 2, box.y + box.h / 2
        height, width = image.shape[:2]
        return box if 0 <= x < width and 0 <= y < height else None

    def _id_for(self, box: Box) -> int:
        near = [track for track in self._lost if _could_be(track, box)]
        if near:
            back = min(near, key=lambda track: _distance(box, track.expected))
            self._lost = [track for track in self._lost if track is not back]
            return back.face_id
        self._next_id += 1
        return self._next_id - 1


def _without_duplicates(tracks: list[Track], before: list[Track]) -> list[Track]:
    """Where two tracks ended on one face, keep the one that was expected there."""
    expected = {track.face_id: track.expected for track in before}
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda t: _distance(t.box, expected[t.face_id])):
        if not any(_same(track.box, other.box) for other in kept):
            kept.append(track)
    return kept


def _moved(box: Box, by: tuple[float, float]) -> Box:
    return replace(box, x=box.x + by[0], y=box.y + by[1])


def _distance(one: Box, other: Box) -> float:
    return float(np.hypot(one.x + one.w / 2 - other.x - other.w / 2, one.y + one.h / 2 - other.y - other.h / 2))


def _same(one: Box, other: Box) -> bool:
    return one.overlap(other) > 0.5 or _distance(one, other) < 0.25 * min(one.w, other.w)


def _could_be(lost: Track, box: Box) -> bool:
    """It stayed about where it was lost, or went on behind what hid it."""
    away = min(_distance(box, lost.box), _distance(box, lost.expected))
    return away < max(box.w, lost.box.w) and 0.5 < box.w / lost.box.w < 2
