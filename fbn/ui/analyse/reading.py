"""Reading uploads in the background: the page stays usable, the work outlives its reruns and can be cancelled."""

import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import cv2
import numpy as np

from fbn.errors import FbnError
from fbn.faces.files import printable
from fbn.faces.frames import Frame, frame_count, open_source
from fbn.faces.geometry import Box
from fbn.inference import FaceAnalyser, FaceResult, FrameResult
from fbn.ui.background import Background

#: Longer videos belong to ``fbn analyse``, which keeps nothing in memory. 20 minutes at 30 frames a second.
MOST_FRAMES = 36_000
_MOST_PREVIEWS, _PREVIEW_SIDE, _QUALITY = 400, 800, 88


@dataclass(frozen=True)
class Preview:
    """A kept frame.

    Attributes:
        result: its reading, in pixels of ``jpeg``.
        jpeg: the picture, at most 800 pixels wide or high.
    """

    result: FrameResult
    jpeg: bytes

    def image(self) -> np.ndarray:
        """[H, W, 3] uint8 RGB."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB))

    @classmethod
    def of(cls, image: np.ndarray, result: FrameResult) -> "Preview":
        """Shrink and pack a frame."""
        factor = min(1.0, _PREVIEW_SIDE / max(image.shape[:2]))
        if factor < 1:
            image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            faces = tuple(_scaled(face, factor) for face in result.faces)
            result = replace(result, faces=faces, size=(image.shape[1], image.shape[0]))
        packed = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        return cls(result, packed.tobytes())


def _scaled(face: FaceResult, factor: float) -> FaceResult:
    box = Box(*(side * factor for side in (face.box.x, face.box.y, face.box.w, face.box.h)))
    return replace(face, box=box, landmarks=face.landmarks * factor)


@dataclass(frozen=True)
class Progress:
    """How far a job is: input at hand, share done in [0, 1], frames read, what went wrong, what else to know."""

    running: bool
    name: str
    share: float
    frames: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


class AnalysisJob(Background):
    """Reads uploads one after another on a thread of its own.

    Results stay in memory, at most ``MOST_FRAMES`` of them; of the pictures only small previews stay, and of a long
    video every second, fourth, ... frame. The uploads' temporary files are gone as soon as they have been read.
    """

    def __init__(self, analyser: FaceAnalyser, uploads: Sequence[tuple[str, bytes]], every: int = 1) -> None:
        """Start reading.

        Args:
            analyser: used by this job alone.
            uploads: (file name, contents).
            every: of videos read each n-th frame.
        """
        self._analyser, self._uploads, self._every = analyser, _distinct(uploads), every
        self._lock = threading.Lock()
        self._name, self._share, self._frames = "", 0.0, 0
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._results: dict[str, list[FrameResult]] = {}
        self._previews: dict[str, list[Preview]] = {}
        super().__init__()

    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            words = tuple(self._problems), tuple(self._notes)
            return Progress(self.running, self._name, self._share, self._frames, *words)

    def results(self) -> dict[str, list[FrameResult]]:
        """Results by file name, in reading order."""
        with self._lock:
            return {name: list(results) for name, results in self._results.items()}

    def previews(self, name: str) -> list[Preview]:
        """Kept frames of one file."""
        with self._lock:
            return list(self._previews.get(name, ()))

    def _run(self) -> None:
        try:
            self._read_all()
        except OSError as error:
            self._complain(f"the uploads cannot be kept while they are read: {error.strerror}")
        self._uploads = []

    def _read_all(self) -> None:
        with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
            for number, (name, contents) in enumerate(self._uploads):
                if self.cancelled:
                    break
                # no upload's name can lead out of the folder, or be longer than one may be
                path = Path(folder, f"{number}{Path(name).suffix[:8]}")
                try:
                    path.write_bytes(contents)
                    self._read(name, path, number)
                except FbnError as error:
                    self._complain(str(error).replace(printable(path), name))
                except Exception as error:  # a thread's exception would vanish without a word
                    self._complain(f"{name}: could not be read ({type(error).__name__}: {error})")
                finally:
                    path.unlink(missing_ok=True)

    def _read(self, name: str, path: Path, number: int) -> None:
        expected, stride = max(1, frame_count(path) // self._every), 1
        for read, (image, result) in enumerate(self._results_of(name, path)):
            result = replace(result, input=name)
            with self._lock:
                self._name, self._frames = name, self._frames + 1
                self._share = (number + min(1.0, (read + 1) / expected)) / len(self._uploads)
                self._results.setdefault(name, []).append(result)
                previews = self._previews.setdefault(name, [])
            if read % stride == 0:
                preview = Preview.of(image, result)
                with self._lock:
                    previews.append(preview)
                    if len(previews) > _MOST_PREVIEWS:
                        del previews[1::2]
                        stride *= 2
            if self.cancelled:
                return
            if self._frames >= MOST_FRAMES:
                self._complain(f"{name}: stopped after {MOST_FRAMES:,} frames; use fbn analyse for longer videos")
                self.cancel()
                return

    def _results_of(self, name: str, path: Path) -> Iterator[tuple[np.ndarray, FrameResult]]:
        waiting: deque[np.ndarray] = deque()

        def note(words: str) -> None:
            with self._lock:
                self._notes.append(words.replace(printable(path), name))

        def frames() -> Iterator[Frame]:
            for frame in open_source(path, self._every, notify=note):
                waiting.append(frame.image)
                yield frame

        # a smoothing analyser answers some frames late, but in order
        for result in self._analyser.stream(frames()):
            yield waiting.popleft(), result

    def _complain(self, words: str) -> None:
        with self._lock:
            self._problems.append(words)


def _distinct(uploads: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Number files of equal name: results are kept by name."""
    named: dict[str, bytes] = {}
    for name, contents in uploads:
        stem, dot, suffix = name.rpartition(".")
        others = (f"{stem} ({number}){dot}{suffix}" for number in count(2))
        named[next(free for free in chain([name], others) if free not in named)] = contents
    return list(named.items())
