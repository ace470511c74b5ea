"""Endless video in place of a camera: a drawn face with changing expressions, or a video file in a loop."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fbn.errors import FbnError
from fbn.faces.frames import Frame, read_file
from fbn.relatedness import RelatednessTable
from fbn.synthetic.clips import Episode
from fbn.synthetic.editing import person, preset
from fbn.synthetic.parameters import Camera, Face, Scene
from fbn.synthetic.render import render
from fbn.vocabulary import Expression

#: Size in pixels, and frames per second.
WIDTH, HEIGHT, RATE = 640, 480, 30
#: Expressions of the drawn face, in order.
_SHOWN = (
    Expression.HAPPINESS,
    Expression.SURPRISE,
    Expression.SADNESS,
    Expression.ANGER,
    Expression.FEAR,
)
#: Seconds from one expression to the next, and its onset, apex and offset.
_TURN, _RISE, _APEX, _FALL = 4.0, 0.7, 1.8, 0.7
#: Number of pictures drawn between neutral and full strength (others are blended), their side, and the person.
_STEPS, _SIDE, _PERSON = 5, 360, 7
#: Maximum side of an uploaded clip's frames, for speed.
_MAX_SIDE = 960


class Playback(Protocol):
    """An endless video."""

    def frame(self, seconds: float) -> np.ndarray:
        """Return the frame [H, W, 3] uint8 RGB at a time since the start; times must not decrease."""
        ...


class DrawnPlayback:
    """A moving head that shows five expressions in turn.

    The constructor draws the pictures, which takes some seconds: share one instance between viewers.
    """

    def __init__(self) -> None:
        table = RelatednessTable.named("du2014")
        rest = person(Face(camera=Camera(zoom=0.62), scene=Scene(background=4)), _PERSON)
        still = render(rest, _SIDE).image

        def showing(expression: Expression, level: float) -> np.ndarray:
            return render(preset(rest, table, expression, level), _SIDE).image

        self._drawn = {
            shown: [still, *(showing(shown, step / _STEPS) for step in range(1, _STEPS + 1))] for shown in _SHOWN
        }

    def frame(self, seconds: float) -> np.ndarray:
        """Return the frame [480, 640, 3] uint8 RGB at a time since the start."""
        turn, at = divmod(seconds, _TURN)
        level = Episode("", (), 0.4, _RISE, _APEX, _FALL).envelope(at) * _STEPS
        step = min(int(level), _STEPS - 1)
        pictures = self._drawn[_SHOWN[int(turn) % len(_SHOWN)]]
        weight = level - step
        picture = cv2.addWeighted(pictures[step], 1 - weight, pictures[step + 1], weight, 0)
        scale = (1.06 + 0.025 * np.sin(0.9 * seconds)) * HEIGHT / _SIDE
        matrix = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), 3.5 * np.sin(0.7 * seconds), scale)
        matrix[:, 2] += (
            (WIDTH - _SIDE) / 2 + 22 * np.sin(0.5 * seconds),
            (HEIGHT - _SIDE) / 2 + 14 + 6 * np.sin(1.1 * seconds),
        )
        return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101)


class FilePlayback:
    """A video file played in a loop, at its original speed.

    Args:
        contents: contents of the file.
        name: name of the file, for error messages.

    Attributes:
        name: as given.

    Raises:
        FbnError: the file is not a readable video.
    """

    def __init__(self, contents: bytes, name: str) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="fbn-")
        self._path = Path(self._folder.name, f"clip{Path(name).suffix}")
        self._path.write_bytes(contents)
        self._lock = threading.Lock()
        try:
            self._begin(0.0)
        except FbnError as error:
            raise type(error)(str(error).replace(str(self._path), name)) from error

    def _begin(self, base: float) -> None:
        self._frames: Iterator[Frame] = read_file(self._path, notify=lambda words: None)
        self._base, self._now, self._gap = base, next(self._frames), 1 / RATE
        self._following = self._read()

    def _read(self) -> Frame | None:
        try:
            return next(self._frames, None)
        except FbnError:  # a damaged file ends where it breaks off
            return None

    def frame(self, seconds: float) -> np.ndarray:
        """Return the frame [H, W, 3] uint8 RGB at a time since the start; a damaged file restarts where it breaks."""
        with self._lock:
            while seconds >= (due := self._due()):
                if self._following is None:
                    self._begin(due if seconds - due < 1 else seconds)
                else:
                    self._gap = max(self._following.timestamp - self._now.timestamp, 1e-3)
                    self._now, self._following = self._following, self._read()
            image = self._now.image
        scale = _MAX_SIDE / max(image.shape[:2])
        return image if scale >= 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)

    def _due(self) -> float:
        """Return the time of the next frame."""
        following = self._following
        return self._base + (following.timestamp if following else self._now.timestamp + self._gap)
