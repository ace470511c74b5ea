"""Live analysis: the video thread analyses, draws and records each frame; the page thread reads the state."""

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

#: Frames kept for the plots (10 s at 30 frames a second) and the trail (1.5 s).
_HISTORY, _TRAIL = 300, 45
#: Seconds without a new frame after which a stream has stalled.
STALLED = 1.5
WEBCAM = "webcam"


@dataclass(frozen=True)
class LiveSettings:
    """Options of the live view.

    Attributes:
        mirror: mirror the webcam picture, before analysis and recording.
        gauges: draw the gauges into the picture, where they are updated with every frame.
        face_id: face of the gauges and plots; None, or an id that is gone: the largest face.
        frozen: keep showing the last frame and stop analysing.
    """

    mirror: bool = True
    gauges: bool = True
    face_id: int | None = None
    frozen: bool = False


@dataclass(frozen=True)
class LiveView:
    """The state of a live session at one moment.

    Attributes:
        frames: number of frames analysed since the start.
        age: seconds since the last frame arrived, analysed or not; infinity before the first.
        fps: frames analysed per second, over the last 2 s.
        median_ms, p95_ms: latency from arrival to finished drawing in milliseconds, over the last 300 frames.
        result: result of the last frame, or None.
        face: the selected face, or None.
        trail: its last (valence, arousal) values, oldest first.
        seconds, valence, arousal: its time series; NaN in frames without it.
        errors: number of frames whose analysis failed; ``error`` is the message of the last one.
        recording: whether frames are being written to disk. ``recorded``: frames in the last recording.
        problem: human-readable reason why the last recording ended unexpectedly; else empty.
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
        """Whether frames have stopped arriving."""
        return STALLED < self.age < float("inf")


class LiveSession:
    """Live analysis for one viewer.

    The video thread calls ``show`` for each frame, the page thread all other methods. They share only this object,
    under its lock. The lock is not held while a frame is analysed or drawn, so the page cannot delay the video.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._analyser: FaceAnalyser | None = None
        self._settings = LiveSettings()
        self._recording: recordings.Recording | None = None
        self._columns: tuple[str, str, tuple[str, ...]] = ("model", "fbn", ())
        self._began = clock()
        self._index = 0
        self._source, self._has_ended = WEBCAM, False
        self._reset()

    def _reset(self) -> None:
        self._arrived, self._frames, self._errors, self._error = float("-inf"), 0, 0, ""
        self._result: FrameResult | None = None
        self._picture: np.ndarray | None = None
        self._history: deque[FrameResult] = deque(maxlen=_HISTORY)
        self._latencies: deque[float] = deque(maxlen=_HISTORY)
        self._finished: deque[float] = deque(maxlen=_HISTORY)

    def use(
        self, analyser: FaceAnalyser, model: str = "model", layout: str = "fbn", compounds: tuple[str, ...] = ()
    ) -> None:
        """Use another analyser from the next frame on; statistics are reset.

        A recording continues, in a second file if the model or the columns change.

        Args:
            analyser: analyses the frames.
            model: name of the model, for the names of recordings.
            layout, compounds: columns of recordings, as in ``TableWriter``.
        """
        with self._lock:
            self._analyser = analyser
            before, self._columns = self._columns, (model, layout, compounds)
            was_active = self._recording is not None and self._recording.active
            self._reset()
        if was_active and before != self._columns:
            self.stop_recording()
            self.record()

    def source(self, name: str) -> None:
        """Select the source of frames; a change ends the recording and resets the statistics."""
        if name != self._source:
            self.stop_recording()
            with self._lock:
                self._source = name
                self._reset()

    def ended(self) -> None:
        """Handle the end of the stream: finish the recording; the next frame resets the statistics."""
        with self._lock:
            self._has_ended = True
        self.stop_recording()

    def set(self, **changes: Any) -> None:
        """Change some ``LiveSettings``."""
        with self._lock:
            self._settings = replace(self._settings, **changes)

    def seconds(self) -> float:
        """Return the seconds since the session began; the stream's clock restarts with the camera."""
        return self._clock() - self._began

    def show(self, image: np.ndarray, timestamp: float, source: str = WEBCAM) -> np.ndarray:
        """Analyse one frame and draw the result. Never raises: an exception would freeze the video silently.

        Args:
            image: [H, W, 3] uint8 RGB.
            timestamp: seconds, non-decreasing; see ``seconds``.
            source: source of the frame. Late frames of a source that is no longer selected are not analysed.

        Returns:
            [H, W, 3] uint8 RGB with the drawing, or ``image`` if the analysis failed.
        """
        began = self._clock()
        with self._lock:
            if source != self._source:
                return image
            if self._has_ended:
                self._reset()
            self._arrived, self._has_ended = began, False
            analyser, settings, index = self._analyser, self._settings, self._index
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
                self._add_result(result, drawn, now - began, now)
        if current and recording is not None:  # outside the lock: writing may block
            recording.add(result)
        return drawn

    def _add_result(self, result: FrameResult, drawn: np.ndarray, spent: float, now: float) -> None:
        self._frames += 1
        self._index += 1  # not reset with the model, so that frame numbers of a recording increase
        self._result, self._picture = result, drawn
        self._history.append(result)
        self._latencies.append(spent)
        self._finished.append(now)

    def _points(self, count: int) -> list[tuple[float, float]]:
        """Return (valence, arousal) of the selected face in the last frames; NaN in frames without it."""
        if self._result is None:
            return []
        shown = self._result.face(self._settings.face_id)
        wanted = shown.face_id if shown else self._settings.face_id
        last = list(islice(reversed(self._history), count))[::-1]
        return [_valence_arousal(next((f for f in result.faces if f.face_id == wanted), None)) for result in last]

    def _trail(self) -> tuple[tuple[float, float], ...]:
        return tuple(point for point in self._points(_TRAIL) if point[0] == point[0])

    def view(self) -> LiveView:
        """Return the current state."""
        with self._lock:
            now = self._clock()
            points = self._points(_HISTORY)
            recent = [moment for moment in self._finished if now - moment <= 2]
            spent = np.array(self._latencies or [0.0]) * 1000
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
                recording=self._recording is not None and self._recording.active,
                recorded=self._recording.frames if self._recording else 0,
                problem=self._recording.problem if self._recording else "",
            )

    def picture(self) -> np.ndarray | None:
        """The last drawn frame, [H, W, 3] uint8 RGB."""
        with self._lock:
            return self._picture

    def record(self) -> None:
        """Begin a recording on disk, unless one is active: the browser may send a click twice.

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
        """The last recording, active or ended."""
        with self._lock:
            return self._recording

    def stop_recording(self) -> None:
        """Finish the recording, if any."""
        if (recording := self.recording) is not None:
            recording.end()


def _valence_arousal(face: FaceResult | None) -> tuple[float, float]:
    if face is None:
        return float("nan"), float("nan")
    valence, arousal = face.shown.valence_arousal
    return float(valence), float(arousal)
