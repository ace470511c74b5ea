"""Clips that play without end, as a camera would: a drawn face that changes its expression, or a video file."""

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
from fbn.synthetic.activity import typical
from fbn.synthetic.clips import Episode
from fbn.synthetic.parameters import Camera, Face, Scene
from fbn.synthetic.people import Population, draw_person
from fbn.synthetic.render import render
from fbn.vocabulary import Expression

#: Pixels, and frames a second.
WIDTH, HEIGHT, RATE = 640, 480, 30
#: What the drawn face shows, one after another.
_SHOWN = (
    Expression.HAPPINESS,
    Expression.SURPRISE,
    Expression.SADNESS,
    Expression.ANGER,
    Expression.FEAR,
)
#: Seconds: one expression with the pause after it, its rise, its height and its fall.
_TURN, _RISE, _APEX, _FALL = 4.0, 0.7, 1.8, 0.7
#: Pictures drawn from rest to full strength; those between are blended.
_STEPS, _SIDE, _PERSON = 5, 360, 7
#: Longest side of an uploaded clip's frames: the live page is for looking, Analyse reads every pixel.
_LONGEST = 960


class Playback(Protocol):
    """A moving picture without end."""

    def frame(self, seconds: float) -> np.ndarray:
        """[H, W, 3] uint8 RGB at a time since the start; times do not fall."""
        ...


class DrawnPlayback:
    """A drawn face with five expressions that come and go, on a head that moves.

    It is drawn when made, which takes some seconds: let one serve all viewers.
    """

    def __init__(self) -> None:
        table = RelatednessTable.named("du2014")
        person = draw_person(_PERSON, Population(), np.random.default_rng((_PERSON, 0)))
        identity, appearance = person.pictured(np.random.default_rng((_PERSON, 1)))
        rest = Face(identity=identity, appearance=appearance, camera=Camera(zoom=0.62), scene=Scene(background=4))
        still = render(rest, _SIDE).image

        def showing(expression: Expression, level: float) -> np.ndarray:
            return render(rest.with_units({**typical(table.row(expression), level)}), _SIDE).image

        self._drawn = {
            shown: [still, *(showing(shown, step / _STEPS) for step in range(1, _STEPS + 1))] for shown in _SHOWN
        }

    def frame(self, seconds: float) -> np.ndarray:
        """[480, 640, 3] uint8 RGB at a time since the start."""
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
    """A video file, played at its own speed, again and again.

    Args:
        contents: of the file.
        name: its name, which errors give.

    Attributes:
        name: as given.

    Raises:
        FbnError: not a video that can be read.
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
        except FbnError:  # damaged from here on: as if it ended
            return None

    def frame(self, seconds: float) -> np.ndarray:
        """[H, W, 3] uint8 RGB at a time since the start; a damaged file begins anew where it breaks off."""
        with self._lock:
            while seconds >= (due := self._due()):
                if self._following is None:
                    self._begin(due if seconds - due < 1 else seconds)
                else:
                    self._gap = max(self._following.timestamp - self._now.timestamp, 1e-3)
                    self._now, self._following = self._following, self._read()
            image = self._now.image
        share = _LONGEST / max(image.shape[:2])
        return image if share >= 1 else cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)

    def _due(self) -> float:
        """When the frame after this one is to be shown."""
        following = self._following
        return self._base + (following.timestamp if following else self._now.timestamp + self._gap)
