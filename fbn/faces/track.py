"""Face tracking: landmarks in every frame, detection at intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fbn.faces.detect import Detector
from fbn.faces.geometry import Box
from fbn.faces.landmarks import PRESENT, LandmarkFinder, appearance, asymmetry, box_of

#: Largest asymmetry of the landmarks of a face that is certainly upright, of one for which the frame is rotated, and of
#: one that is tracked. The medians are 0.008 for upright faces and 0.04 for faces upside down.
_MAX_CERTAIN, _MAX_ROTATED, _MAX_TRACKED = 0.01, 0.025, 0.05
#: Least correlation of a face with itself in the next frame, and after a gap of more than ``_GAP`` seconds.
_MIN_CORRELATION, _MIN_CORRELATION_AFTER_GAP, _GAP = 0.6, 0.3, 0.2
#: Quarter turns, counterclockwise, in which faces are searched: upside down first.
_TURNS = (0, 2, 1, 3)


@dataclass(frozen=True)
class Track:
    """One tracked face.

    Attributes:
        face_id: constant while the face is tracked, also if it is lost and reappears soon at a similar position.
        box: current square around the landmarks.
        score: presence of a face in [0, 1], from the landmark network.
        landmarks: [5, 2] float32 pixels.
        velocity: velocity of the box's centre, in pixels per frame.
        expected: predicted box in the next frame.
        last_seen: timestamp of the last frame with the face, in seconds.
        appearance: descriptor of ``fbn.faces.landmarks.appearance``.
        turned: degrees, counterclockwise, by which the frame was rotated for analysis: 0, 90, 180 or 270.
    """

    face_id: int
    box: Box
    score: float
    landmarks: np.ndarray
    velocity: tuple[float, float]
    expected: Box
    last_seen: float
    appearance: np.ndarray
    turned: int = 0


@dataclass(frozen=True)
class _Candidate:
    box: Box
    score: float
    landmarks: np.ndarray
    asymmetry: float
    detector_score: float


@dataclass
class Tracker:
    """Tracks faces through one stream of frames.

    The detector runs at intervals of the timestamps. It runs on the current frame if the next one would be too late, so
    it runs on every frame of a sparse stream. If no upright face is found, the frame is also searched in quarter turns,
    and later frames are analysed in the rotation that shows a face. All faces of a frame have the same rotation.

    A face whose appearance changes between two frames gets a new id, as after a cut. Appearance is a coarse pattern of
    brightness, not identity: similar people in the same light keep one id, and after a cut to another picture of the
    same person that person may get a new one.

    Attributes:
        detector: detects new faces.
        landmarks: the landmark network.
        detect_every: longest time in seconds between two runs of the detector while a face is tracked.
        search_every: the same while no face is tracked, or a lost one may reappear.
        thorough_every: the same between two thorough runs, which find small faces beside large ones and rotated ones;
            frames further apart than ``detect_every`` are all searched thoroughly.
        detect_frames: largest number of frames between two runs while a face is tracked, whatever their timestamps.
        search_frames: the same while no face is tracked.
        presence: a face with a lower presence is lost.
        memory: seconds in which a lost face may reappear with its id; in the next frame it always may.
    """

    detector: Detector
    landmarks: LandmarkFinder
    detect_every: float = 0.5
    search_every: float = 1 / 6
    thorough_every: float = 5.0
    detect_frames: int = 30
    search_frames: int = 5
    presence: float = PRESENT
    memory: float = 1.0
    _tracks: list[Track] = field(default_factory=list, init=False)
    _lost: list[Track] = field(default_factory=list, init=False)
    _next_id: int = field(default=0, init=False)
    _turn: int = field(default=0, init=False)
    _frames: int = field(default=0, init=False)
    _now: float = field(default=0.0, init=False)
    _detected: float | None = field(default=None, init=False)
    _searched: float | None = field(default=None, init=False)

    def step(self, image: np.ndarray, timestamp: float) -> list[Track]:
        """Process the next frame.

        Args:
            image: [H, W, 3] uint8 RGB.
            timestamp: seconds, non-decreasing; if all are equal, frames are counted instead.

        Returns:
            The faces in the frame, ordered by id.
        """
        interval, self._now = timestamp - self._now, timestamp
        self._frames += 1
        before, view = self._tracks, _turned(image, self._turn)
        self._tracks = _without_duplicates(self._track_faces(view), before)
        ids = {track.face_id for track in self._tracks}
        gone = [track for track in before if track.face_id not in ids]
        # faces of the last frame may reappear after any time, e.g. if the stream stalled
        lost = [track for track in self._lost if timestamp - track.last_seen <= self.memory] + gone
        self._lost = [replace(track, expected=_moved(track.expected, track.velocity)) for track in lost]
        is_tracking = bool(self._tracks) and not self._lost
        every, frames = (
            (self.detect_every, self.detect_frames) if is_tracking else (self.search_every, self.search_frames)
        )
        if gone or self._frames >= frames or self._is_due(self._detected, interval, every):
            thorough = interval > self.detect_every or self._is_due(self._searched, interval, self.thorough_every)
            self._detect(image, view, thorough)
            self._frames, self._detected = 0, timestamp
            self._searched = timestamp if thorough else self._searched
        self._tracks.sort(key=lambda track: track.face_id)
        return [_turned_back(track, self._turn, image) for track in self._tracks] if self._turn else list(self._tracks)

    def _is_due(self, last: float | None, interval: float, every: float) -> bool:
        """Whether the next frame, one interval later, would be too late for a run."""
        return last is None or self._now < last or self._now - last + interval > every + 1e-3

    def _track_faces(self, image: np.ndarray) -> list[Track]:
        tracked = []
        predicted = self._landmarks_in(image, [track.expected for track in self._tracks])
        for old, (points, score) in zip(self._tracks, predicted, strict=True):
            box = self._plausible(points, score, image)
            if box is None or box.overlap(old.expected) < 0.3:
                continue
            looks_now = appearance(image, points)
            if not self._is_alike(old, looks_now):
                continue
            step = (box.x + box.w / 2 - old.box.x - old.box.w / 2, box.y + box.h / 2 - old.box.y - old.box.h / 2)
            # moving average: landmark jitter would make the prediction unstable
            velocity = ((old.velocity[0] + step[0]) / 2, (old.velocity[1] + step[1]) / 2)
            expected = _moved(box, velocity)
            tracked.append(Track(old.face_id, box, score, points, velocity, expected, self._now, looks_now))
        return tracked

    def _is_alike(self, old: Track, looks: np.ndarray) -> bool:
        if not (old.appearance.any() and looks.any()):
            return True  # too dark or too little contrast to compare
        return float(old.appearance @ looks) >= (
            _MIN_CORRELATION if self._now - old.last_seen <= _GAP else _MIN_CORRELATION_AFTER_GAP
        )

    def _detect(self, image: np.ndarray, view: np.ndarray, thorough: bool) -> None:
        found = self._candidates(view, thorough)
        asymmetries = {track.face_id: asymmetry(self.landmarks, view, track.box) for track in self._tracks}
        # drop faces that were rotated while they were tracked
        self._tracks = [track for track in self._tracks if asymmetries[track.face_id] <= _MAX_TRACKED]
        smallest = min([*asymmetries.values(), *(face.asymmetry for face in found)], default=np.inf)
        certainty = max((face.detector_score for face in found), default=0.0)
        for turn in self._turns_to_try(smallest, bool(found), thorough):
            other = _turned(image, turn)
            faces = self._candidates(other)
            best = max(faces, key=lambda face: face.detector_score, default=None)
            # detector score and asymmetry both distinguish upright from rotated faces; require both
            if best and best.detector_score > certainty and best.asymmetry < min(_MAX_ROTATED, smallest):
                found, view, self._turn, self._tracks, self._lost = faces, other, turn, [], []
                certainty, smallest = best.detector_score, best.asymmetry
        for face in found:
            if face.asymmetry > _MAX_TRACKED or any(_same(face.box, track.box) for track in self._tracks):
                continue
            looks, still = appearance(view, face.landmarks), (0.0, 0.0)
            face_id = self._id_for(face.box, looks)
            self._tracks.append(Track(face_id, face.box, face.score, face.landmarks, still, face.box, self._now, looks))

    def _turns_to_try(self, smallest: float, found: bool, thorough: bool) -> tuple[int, ...]:
        if smallest <= _MAX_CERTAIN:
            return ()
        if not self._tracks and (found or thorough):
            return tuple(turn for turn in _TURNS if turn != self._turn)
        # the rotation may be due to a false positive: keep trying upright
        return (0,) if self._turn and (thorough or not self._tracks) else ()

    def _candidates(self, image: np.ndarray, thorough: bool = False) -> list[_Candidate]:
        faces = self.detector(image, thorough)
        boxes = [face.box if face.landmarks is None else box_of(face.landmarks) for face in faces]
        found: list[_Candidate] = []
        # two passes: the second starts from the landmarks of the first, so that the detector's box matters little
        for face, (points, score) in zip(faces, self._landmarks_in(image, boxes, passes=2), strict=True):
            box = self._plausible(points, score, image)
            if box is not None and not any(_same(box, other.box) for other in found):
                found.append(_Candidate(box, score, points, asymmetry(self.landmarks, image, box), face.score))
        return found

    def _landmarks_in(self, image: np.ndarray, boxes: Sequence[Box], passes: int = 1) -> list[tuple[np.ndarray, float]]:
        if not boxes:
            return []
        points, presence = self.landmarks(image, boxes, passes)
        return [(p, float(s)) for p, s in zip(points, presence, strict=True)]

    def _plausible(self, points: np.ndarray, score: float, image: np.ndarray) -> Box | None:
        """Return the box of a face, or None if it is not a valid face."""
        if not score >= self.presence or not np.isfinite(points).all():
            return None
        # the landmarks coincide: alignment is impossible
        if np.ptp(points, axis=0).max() < 3:
            return None
        box = box_of(points)
        x, y = box.x + box.w / 2, box.y + box.h / 2
        height, width = image.shape[:2]
        return box if 0 <= x < width and 0 <= y < height else None

    def _id_for(self, box: Box, looks: np.ndarray) -> int:
        near = [track for track in self._lost if _may_reappear_at(track, box) and self._is_alike(track, looks)]
        if near:
            back = min(near, key=lambda track: _distance(box, track.expected))
            self._lost = [track for track in self._lost if track is not back]
            return back.face_id
        self._next_id += 1
        return self._next_id - 1


def _without_duplicates(tracks: list[Track], before: list[Track]) -> list[Track]:
    """If two tracks moved to the same face, keep the one whose prediction was nearer."""
    expected = {track.face_id: track.expected for track in before}
    distinct: list[Track] = []
    for track in sorted(tracks, key=lambda t: _distance(t.box, expected[t.face_id])):
        if not any(_same(track.box, other.box) for other in distinct):
            distinct.append(track)
    return distinct


def _turned(image: np.ndarray, turn: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(image, turn)) if turn else image


def _turned_back(track: Track, turn: int, image: np.ndarray) -> Track:
    """Convert a track in pixels of the frame rotated by ``turn`` quarter turns to pixels of the frame."""
    height, width = image.shape[:2]
    # a quarter turn counterclockwise maps (x, y) to (y, width - x); this is its inverse, for vectors and for points
    back = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), turn)
    corner = np.array({1: (width, 0), 2: (width, height), 3: (0, height)}[turn])

    def box(old: Box) -> Box:
        w, h = (old.h, old.w) if turn % 2 else (old.w, old.h)
        x, y = back @ (old.x + old.w / 2, old.y + old.h / 2) + corner
        return Box(float(x) - w / 2, float(y) - h / 2, w, h)

    points = (track.landmarks + 0.5) @ back.T + corner - 0.5
    dx, dy = back @ track.velocity
    return replace(
        track,
        box=box(track.box),
        landmarks=points.astype(np.float32),
        velocity=(float(dx), float(dy)),
        expected=box(track.expected),
        turned=90 * turn,
    )


def _moved(box: Box, by: tuple[float, float]) -> Box:
    return replace(box, x=box.x + by[0], y=box.y + by[1])


def _distance(one: Box, other: Box) -> float:
    return float(np.hypot(one.x + one.w / 2 - other.x - other.w / 2, one.y + one.h / 2 - other.y - other.h / 2))


def _same(one: Box, other: Box) -> bool:
    return one.overlap(other) > 0.5 or _distance(one, other) < 0.25 * min(one.w, other.w)


def _may_reappear_at(lost: Track, box: Box) -> bool:
    """Whether the box is near the last or the predicted position of a lost face, and of similar size."""
    away = min(_distance(box, lost.box), _distance(box, lost.expected))
    return away < max(box.w, lost.box.w) and 0.5 < box.w / lost.box.w < 2
