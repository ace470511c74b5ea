"""Smoothing over time, in separate values: the papers' median filter, and a one-euro filter for live use."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from fbn.inference.results import Affect, FaceResult, FrameResult


def median_filter(results: Iterable[FrameResult], window: int = 5) -> Iterator[FrameResult]:
    """Apply a centred median filter to each value of each face (paper A, section 4).

    The paper does not state the window; 5 is fbn's choice. The window is shorter at the ends of the input and where a
    face was not detected. The median is taken per value, so smoothed expressions need not sum to 1.

    Args:
        results: frames of one input, in order.
        window: length in frames, odd.

    Yields:
        The results with ``smoothed`` set, delayed by ``window // 2`` frames; at most ``window`` are in memory.

    Raises:
        ValueError: an even or non-positive window.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"median window {window}: expected an odd number of frames, 1 or more")
    half = window // 2
    buffer: deque[FrameResult] = deque()
    centre = 0  # index in ``buffer`` of the next result to yield
    for result in results:
        buffer.append(result)
        if len(buffer) - centre > half:
            yield _with_medians(buffer, centre)
            if centre == half:
                buffer.popleft()
            else:
                centre += 1
    while centre < len(buffer):
        yield _with_medians(buffer, centre)
        if centre == half:
            buffer.popleft()
        else:
            centre += 1


def _with_medians(buffer: Iterable[FrameResult], centre: int) -> FrameResult:
    buffer = list(buffer)
    vectors: dict[int, list[np.ndarray]] = {}
    for result in buffer:
        for face in result.faces:
            vectors.setdefault(face.face_id, []).append(face.affect.vector())
    faces = (
        replace(face, smoothed=_like(face.affect, np.median(vectors[face.face_id], axis=0)))
        for face in buffer[centre].faces
    )
    return replace(buffer[centre], faces=tuple(faces))


class OneEuroFilter:
    """Causal one-euro filter (Casiez, Roussel & Vogel 2012) of each value of each face.

    Args:
        cutoff: cut-off frequency of a constant value, in Hz; lower is smoother.
        beta: increase of the cut-off with speed, in Hz per unit per second; higher has less lag.
        speed_cutoff: cut-off of the speed estimate, in Hz.
        memory: seconds after which the state of a missing face is deleted.
    """

    def __init__(self, cutoff: float = 1.0, beta: float = 2.0, speed_cutoff: float = 1.0, memory: float = 2.0) -> None:
        self.cutoff, self.beta, self.speed_cutoff, self.memory = cutoff, beta, speed_cutoff, memory
        self._states: dict[int, tuple[float, np.ndarray, np.ndarray]] = {}

    def __call__(self, result: FrameResult) -> FrameResult:
        """Return the result with ``smoothed`` set; results must be passed in order of time."""
        faces = tuple(self._smoothed(face, result.timestamp) for face in result.faces)
        self._states = {k: v for k, v in self._states.items() if result.timestamp - v[0] <= self.memory}
        return replace(result, faces=faces)

    def _smoothed(self, face: FaceResult, now: float) -> FaceResult:
        value = face.affect.vector()
        if face.face_id not in self._states:
            smooth, speed = value, np.zeros_like(value)
        else:
            then, last, last_speed = self._states[face.face_id]
            step = max(now - then, 1e-3)  # two frames may have the same timestamp
            speed = last_speed + _alpha(self.speed_cutoff, step) * ((value - last) / step - last_speed)
            smooth = last + _alpha(self.cutoff + self.beta * np.abs(speed), step) * (value - last)
        smooth, speed = smooth.astype(np.float32), speed.astype(np.float32)
        self._states[face.face_id] = (now, smooth, speed)
        return replace(face, smoothed=_like(face.affect, smooth))


def _like(affect: Affect, values: np.ndarray) -> Affect:
    return Affect.from_vector(values.astype(np.float32), affect.scorer)


def _alpha(cutoff: float | np.ndarray, step: float) -> float | np.ndarray:
    """Weight of the newest value in a first-order low pass."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))
