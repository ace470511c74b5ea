"""Smoothing over time, in extra values only: the papers' median filter, and a one-euro filter for live use."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from fbn.inference.results import Affect, FaceResult, FrameResult


def median_filter(results: Iterable[FrameResult], window: int = 5) -> Iterator[FrameResult]:
    """Median of each value over a window of frames centred on each frame, for each face (paper A, section 4).

    The paper does not give the window; 5 is our choice. The window is cut short at the ends of the input and where a
    face was not seen. The median is taken value by value, so smoothed expressions need not sum to 1.

    Args:
        results: frames of one input, in order.
        window: frames, odd.

    Yields:
        The same results with ``smoothed`` set, ``window // 2`` frames late; at most ``window`` are held.

    Raises:
        ValueError: an even or non-positive window.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"median window {window}: expected an odd number of frames, 1 or more")
    half = window // 2
    held: deque[FrameResult] = deque()
    centre = 0  # place in ``held`` of the next frame to give out
    for result in results:
        held.append(result)
        if len(held) - centre > half:
            yield _with_medians(held, centre)
            if centre == half:
                held.popleft()
            else:
                centre += 1
    while centre < len(held):
        yield _with_medians(held, centre)
        if centre == half:
            held.popleft()
        else:
            centre += 1


def _with_medians(held: Iterable[FrameResult], centre: int) -> FrameResult:
    held = list(held)
    seen: dict[int, list[np.ndarray]] = {}
    for result in held:
        for face in result.faces:
            seen.setdefault(face.face_id, []).append(face.affect.vector())
    faces = (
        replace(face, smoothed=_like(face.affect, np.median(seen[face.face_id], axis=0))) for face in held[centre].faces
    )
    return replace(held[centre], faces=tuple(faces))


class OneEuroFilter:
    """One-euro filter (Casiez, Roussel & Vogel 2012) of each value, for each face: no frame is waited for.

    Args:
        cutoff: cut-off frequency of a value that rests, in Hz; lower is calmer.
        beta: how much the cut-off rises with speed, in Hz per unit a second; higher follows faster.
        speed_cutoff: cut-off of the speed estimate, in Hz.
        memory: seconds after which a face that is gone is forgotten.
    """

    def __init__(self, cutoff: float = 1.0, beta: float = 2.0, speed_cutoff: float = 1.0, memory: float = 2.0) -> None:
        self.cutoff, self.beta, self.speed_cutoff, self.memory = cutoff, beta, speed_cutoff, memory
        self._states: dict[int, tuple[float, np.ndarray, np.ndarray]] = {}

    def __call__(self, result: FrameResult) -> FrameResult:
        """The same result with ``smoothed`` set; results must come in order of time."""
        faces = tuple(self._smoothed(face, result.timestamp) for face in result.faces)
        self._states = {k: v for k, v in self._states.items() if result.timestamp - v[0] <= self.memory}
        return replace(result, faces=faces)

    def _smoothed(self, face: FaceResult, now: float) -> FaceResult:
        value = face.affect.vector()
        if face.face_id not in self._states:
            smooth, speed = value, np.zeros_like(value)
        else:
            then, last, last_speed = self._states[face.face_id]
            step = max(now - then, 1e-3)  # two frames may carry one timestamp
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
