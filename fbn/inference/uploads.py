"""Background analysis of uploaded pictures and videos; only small previews are kept, in memory."""

import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fbn.context import Background
from fbn.errors import FbnError
from fbn.faces.files import printable
from fbn.faces.frames import Frame
from fbn.faces.geometry import Box
from fbn.inference.analyser import FaceAnalyser
from fbn.inference.analysis import Analysis
from fbn.inference.results import FaceResult, FrameResult

#: 20 minutes at 30 frames a second; ``fbn analyse`` reads longer videos with constant memory.
MAX_FRAMES = 36_000
#: Previews of an upload: maximum number, longer side in pixels, JPEG quality.
_MAX_PREVIEWS, _PREVIEW_SIDE, _QUALITY = 400, 800, 88


class Upload(Protocol):
    """The part of Streamlit's ``UploadedFile`` that fbn uses."""

    name: str

    def getvalue(self) -> bytes:
        """The contents."""
        ...


@dataclass(frozen=True)
class Preview:
    """A downscaled frame with its result.

    Attributes:
        result: the result, in pixels of ``jpeg``.
        jpeg: the picture as a JPEG file, at most 800 pixels wide or high.
    """

    result: FrameResult
    jpeg: bytes

    def image(self) -> np.ndarray:
        """[H, W, 3] uint8 RGB."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB))

    @classmethod
    def of(cls, image: np.ndarray, result: FrameResult) -> "Preview":
        """Downscale and compress a frame."""
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


class AnalysisJob(Background):
    """Analyses uploads one after another on a separate thread.

    At most ``MAX_FRAMES`` results are kept in memory. Pictures are kept as previews only; of a long video every second,
    fourth, ... frame has one. The temporary file of an upload is removed as soon as it has been read.

    Args:
        analyser: must not be used elsewhere while the job runs.
        uploads: name and contents of each file.
        every: read every n-th frame of a video.

    Attributes:
        name: name of the upload that is being read.
        progress: in [0, 1].
        frames: number of frames read so far.
        problems: human-readable error messages.
        notes: human-readable warnings: skipped pages, interpolated times.
        results: file name -> results of its frames in order; complete once the job has ended.
        previews: file name -> previews of some frames in order; complete once the job has ended.
    """

    def __init__(self, analyser: FaceAnalyser, uploads: Sequence[tuple[str, bytes]], every: int = 1) -> None:
        self._analyser, self._uploads, self._every = analyser, _distinct(uploads), every
        self.name, self.progress, self.frames = "", 0.0, 0
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.results: dict[str, list[FrameResult]] = {}
        self.previews: dict[str, list[Preview]] = {}
        super().__init__()

    def _run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
                for number, (name, contents) in enumerate(self._uploads):
                    if self.cancelled:
                        break
                    # an upload's name could point outside the folder, or be too long for the file system
                    path = Path(folder, f"{number}{Path(name).suffix[:8]}")
                    try:
                        path.write_bytes(contents)
                        self._read(name, path, number)
                    except Exception as error:  # exceptions in a thread are not reported anywhere else
                        problem = "could not be read" if isinstance(error, FbnError) else "analysis failed"
                        self.problems.append(f"{name}: {problem} ({type(error).__name__}: {error})")
                    finally:
                        path.unlink(missing_ok=True)
        except OSError as error:
            self.problems.append(f"the uploads cannot be kept while they are read: {error.strerror}")
        self._uploads = []

    def _read(self, name: str, path: Path, number: int) -> None:
        def named(message: object) -> str:
            return str(message).replace(printable(path), name)

        def report(frames: int, total: int, _: str) -> None:
            self.name, self.progress = name, (number + min(1.0, frames / max(1, total))) / len(self._uploads)

        analysis = Analysis(
            [path],
            self._analyser,
            every=self._every,
            on_error=lambda error: self.problems.append(named(error)),
            notify=lambda note: self.notes.append(named(note)),
        )
        waiting: deque[Frame] = deque()
        stride = 1
        for read, result in enumerate(analysis.results(report, lambda: self.cancelled, waiting.append)):
            self.frames += 1
            image, result = waiting.popleft().image, replace(result, input=name)
            self.results.setdefault(name, []).append(result)
            if read % stride == 0:
                previews = self.previews.setdefault(name, [])
                previews.append(Preview.of(image, result))
                if len(previews) > _MAX_PREVIEWS:
                    del previews[1::2]
                    stride *= 2
            if self.frames == MAX_FRAMES:
                self.problems.append(f"{name}: stopped after {MAX_FRAMES:,} frames; use fbn analyse for longer videos")
                self.cancel()


def _distinct(uploads: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Make file names unique by adding numbers: names are the keys of the results."""
    named: dict[str, bytes] = {}
    for name, contents in uploads:
        stem, dot, suffix = name.rpartition(".")
        others = (f"{stem} ({number}){dot}{suffix}" for number in count(2))
        named[next(free for free in chain([name], others) if free not in named)] = contents
    return list(named.items())
