"""A live video: each frame read, drawn on and recorded on the video's thread, looked at from another one."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import cv2
import numpy as np

from fbn.faces.frames import Frame
from fbn.inference import overlay, recordings
from fbn.inference.analyser import FaceAnalyser
from fbn.inference.results import FaceResult, FrameResult

#: Frames kept for the figures (10 s at 30 frames a second) and the trail (1.5 s).
_HISTORY, _TRAIL = 300, 45
#: Seconds without a new frame after which a stream has stalled.
STALLED = 1.5
WEBCAM = "webcam"


@dataclass(frozen=True)
class LiveSettings:
    """What the viewer chose.

    Attributes:
        mirror: show the webcam as a mirror does. The mirrored picture is also what is read and recorded.
        gauges: draw the gauges into the picture, where they move with every frame.
        face_id: whose gauges and figures; None, or one that is gone, asks for the largest face.
        frozen: keep showing the last frame and read no more.
    """

    mirror: bool = True
    gauges: bool = True
    face_id: int | None = None
    frozen: bool = False


@dataclass(frozen=True)
class LiveView:
    """The state of a live session at one moment.

    Attributes:
        frames: frames read since the start.
        age: seconds since the last frame came, read or not; infinity before the first.
        fps: frames read each second, over the last 2 s.
        median_ms, p95_ms: time from a frame's arrival to its finished drawing, over the last 300 frames.
        result: the last frame's, or None.
        face: the face the figures show, or None.
        trail: its last (valence, arousal) values, oldest first.
        seconds, valence, arousal: its time line; NaN where it was not seen.
        errors: frames that could not be read; ``error`` says why the last one could not.
        recording: whether frames are being written to disk. ``recorded``: frames in the last recording.
        problem: why the last recording ended by itself, in words; else empty.
    """

    frames: int = 0
    age: float = float("inf")
    fps: float = 0.0
    median_ms: float = 0.0
    p95_ms: float = 0.0
    result: FrameResult | None = None
    face: FaceResult | None = None
    trail: tuple[tuple[float, float], ...] = ()
    seconds: tuple[float, ...] = ()
    valence: tuple[float, ...] = ()
    arousal: tuple[float, ...] = ()
    errors: int = 0
    error: str = ""
    settings: LiveSettings = field(default_factory=LiveSettings)
    recording: bool = False
    recorded: int = 0
    problem: str = ""

    @property
    def stalled(self) -> bool:
        """Whether frames came, and come no more."""
        return STALLED < self.age < float("inf")


class LiveSession:
    """One viewer's live reading.

    The video's thread calls ``show`` for each frame, the page's thread everything else. They share only this object,
    and only under its lock, which is never held while a frame is read or drawn: the page cannot hold up the video.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._analyser: FaceAnalyser | None = None
        self._settings = LiveSettings()
        self._recording: recordings.Recording | None = None
        self._columns: tuple[str, str, tuple[str, ...]] = ("model", "fbn", ())
        self._began = clock()
        self._taken = 0
        self._source, self._over = WEBCAM, False
        self._start_over()

    def _start_over(self) -> None:
        self._arrived, self._frames, self._errors, self._error = float("-inf"), 0, 0, ""
        self._result: FrameResult | None = None
        self._picture: np.ndarray | None = None
        self._history: deque[FrameResult] = deque(maxlen=_HISTORY)
        self._spent: deque[float] = deque(maxlen=_HISTORY)
        self._finished: deque[float] = deque(maxlen=_HISTORY)

    def use(
        self, analyser: FaceAnalyser, model: str = "model", layout: str = "fbn", compounds: tuple[str, ...] = ()
    ) -> None:
        """Read with ``analyser`` from the next frame on; figures start anew.

        A recording goes on; where the model or the columns change, in a second table.

        Args:
            analyser: reads the frames.
            model: its name, for the names of recordings.
            layout, compounds: the columns of a recording, as in ``TableWriter``.
        """
        with self._lock:
            self._analyser = analyser
            before, self._columns = self._columns, (model, layout, compounds)
            going = self._recording is not None and self._recording.going
            self._start_over()
        if going and before != self._columns:
            self.stop_recording()
            self.record()

    def source(self, name: str) -> None:
        """Read ``name`` from now on: another one ends a recording, and the figures start anew."""
        if name != self._source:
            self.stop_recording()
            with self._lock:
                self._source = name
                self._start_over()

    def ended(self) -> None:
        """The stream ended: a recording is finished, and the next frame starts the figures anew."""
        with self._lock:
            self._over = True
        self.stop_recording()

    def set(self, **changes: Any) -> None:
        """Change some ``LiveSettings``."""
        with self._lock:
            self._settings = replace(self._settings, **changes)

    def seconds(self) -> float:
        """Since the session began. The stream's own clock starts again whenever the camera does."""
        return self._clock() - self._began

    def show(self, image: np.ndarray, timestamp: float, source: str = WEBCAM) -> np.ndarray:
        """Read one frame and draw on it. Never raises: a raised error would freeze the video without a word.

        Args:
            image: [H, W, 3] uint8 RGB.
            timestamp: seconds, not falling; see ``seconds``.
            source: where the frame comes from. A video that is being left still sends some: they are not read.

        Returns:
            [H, W, 3] uint8 RGB with the drawing, or without where the frame could not be read.
        """
        began = self._clock()
        with self._lock:
            if source != self._source:
                return image
            if self._over:
                self._start_over()
            self._arrived, self._over = began, False
            analyser, settings, index = self._analyser, self._settings, self._taken
            if settings.frozen and self._picture is not None:
                return self._picture
            trail = self._trail()
        if settings.mirror and source == WEBCAM:
            image = cv2.flip(image, 1)
        if analyser is None:
            return image
        try:
            result = analyser.step(Frame(image, index, timestamp, source))
            face = result.face(settings.face_id)
            drawn = overlay.draw(image, result, trail, face.face_id if face else None, panels=settings.gauges)
        except Exception as error:
            with self._lock:
                self._errors += 1
                self._error = f"{type(error).__name__}: {error}"
            return image
        now = self._clock()
        with self._lock:
            current = analyser is self._analyser and source == self._source
            recording = self._recording
            if current:
                self._keep(result, drawn, now - began, now)
        if current and recording is not None:  # the disk is waited for outside the lock
            recording.add(result)
        return drawn

    def _keep(self, result: FrameResult, drawn: np.ndarray, spent: float, now: float) -> None:
        self._frames += 1
        self._taken += 1  # goes on when another model starts over, so that a recording's frames keep their order
        self._result, self._picture = result, drawn
        self._history.append(result)
        self._spent.append(spent)
        self._finished.append(now)

    def _points(self, most: int) -> list[tuple[float, float]]:
        """Valence, arousal of the chosen face in the last frames; NaN where it was not seen."""
        if self._result is None:
            return []
        shown = self._result.face(self._settings.face_id)
        wanted = shown.face_id if shown else self._settings.face_id
        last = list(islice(reversed(self._history), most))[::-1]
        return [_valence_arousal(next((f for f in result.faces if f.face_id == wanted), None)) for result in last]

    def _trail(self) -> tuple[tuple[float, float], ...]:
        return tuple(point for point in self._points(_TRAIL) if point[0] == point[0])

    def view(self) -> LiveView:
        """Everything that a page shows, of one moment."""
        with self._lock:
            now = self._clock()
            points = self._points(_HISTORY)
            recent = [moment for moment in self._finished if now - moment <= 2]
            spent = np.array(self._spent or [0.0]) * 1000
            return LiveView(
                frames=self._frames,
                age=now - self._arrived,
                fps=(len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0,
                median_ms=float(np.median(spent)),
                p95_ms=float(np.percentile(spent, 95)),
                result=self._result,
                face=self._result.face(self._settings.face_id) if self._result else None,
                trail=self._trail(),
                seconds=tuple(result.timestamp for result in self._history),
                valence=tuple(v for v, _ in points),
                arousal=tuple(a for _, a in points),
                errors=self._errors,
                error=self._error,
                settings=self._settings,
                recording=self._recording is not None and self._recording.going,
                recorded=self._recording.frames if self._recording else 0,
                problem=self._recording.problem if self._recording else "",
            )

    def picture(self) -> np.ndarray | None:
        """The last drawn frame, [H, W, 3] uint8 RGB."""
        with self._lock:
            return self._picture

    def record(self) -> None:
        """Begin a recording on disk, unless one is going on: the browser may send a click twice.

        Raises:
            FbnError: see ``recordings.begin``.
        """
        if self.view().recording:
            return
        recording = recordings.begin(*self._columns)
        with self._lock:
            self._recording = recording

    @property
    def recording(self) -> recordings.Recording | None:
        """The last recording, going on or ended."""
        with self._lock:
            return self._recording

    def stop_recording(self) -> None:
        """Finish the recording, if there is one."""
        if (recording := self.recording) is not None:
            recording.end()


def _valence_arousal(face: FaceResult | None) -> tuple[float, float]:
    if face is None:
        return float("nan"), float("nan")
    valence, arousal = face.shown.valence_arousal
    return float(valence), float(arousal)
