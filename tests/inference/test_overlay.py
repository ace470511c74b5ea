"""The overlay: seen where it should be, and no frame breaks it."""

import time
from dataclasses import replace

import numpy as np
import pytest

from fbn.faces.geometry import Box
from fbn.inference import Affect
from fbn.inference.overlay import draw
from tests.inference.helpers import affect, face, frame

GRAY = np.full((480, 640, 3), 128, np.uint8)
RESULT = frame(0, [face(0, box=Box(220, 140, 180, 180)), face(1, box=Box(450, 100, 60, 60))])
TRAIL = [(0.02 * i, 0.5 - 0.02 * i) for i in range(40)]


def changed(image: np.ndarray, result: object, **options: object) -> np.ndarray:
    before = image.copy()
    drawn = draw(image, result, **options)
    assert np.array_equal(image, before)
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    return (drawn != image).any(axis=2)


def test_nothing_is_drawn_without_a_face() -> None:
    assert not changed(GRAY, frame()).any()


def test_boxes_landmarks_and_panels_are_drawn() -> None:
    where = changed(GRAY, RESULT, trail=TRAIL)
    assert where[140, 230:390].all()
    assert where[130:330, 219:222].any(axis=1)[20:180].all()
    assert where[20, 20]  # a landmark
    assert where[:, :125].mean() > 0.9
    assert where[:, 515:].mean() > 0.9
    assert not where[400:, 140:500].any()
    plain = changed(GRAY, RESULT, panels=False)
    assert not plain[200:, :120].any()


def test_bars_are_as_long_as_their_values() -> None:
    def orange(value: float) -> int:
        read = replace(affect(), action_units=np.full(17, value, np.float32))
        drawn = draw(GRAY, frame(0, [face(0, read, Box(300, 100, 80, 80))]))
        return int((drawn[:, :130] == (230, 159, 0)).all(axis=2).sum())

    assert orange(0.49) == 0
    assert orange(1.0) == pytest.approx(2 * orange(0.5), rel=0.05)


def test_the_dot_stands_where_valence_and_arousal_say() -> None:
    def dot(valence: float, arousal: float) -> np.ndarray:
        read = replace(affect(), valence_arousal=np.array([valence, arousal], np.float32))
        drawn = draw(GRAY, frame(0, [face(0, read, Box(300, 100, 80, 80))]))[350:, 510:]
        return np.argwhere((drawn == (230, 159, 0)).all(axis=2)).mean(axis=0)

    assert dot(0.8, 0)[1] > dot(-0.8, 0)[1] + 60
    assert dot(0, 0.8)[0] < dot(0, -0.8)[0] - 60


def test_the_chosen_face_is_shown_and_smoothed_values_if_there_are() -> None:
    assert not np.array_equal(draw(GRAY, RESULT, face_id=0), draw(GRAY, RESULT, face_id=1))
    assert np.array_equal(draw(GRAY, RESULT, face_id=9), draw(GRAY, RESULT, face_id=0))
    smoothed = replace(RESULT, faces=(replace(RESULT.faces[0], smoothed=affect(5)),))
    plain = replace(RESULT, faces=(replace(RESULT.faces[0], affect=affect(5)),))
    assert np.array_equal(draw(GRAY, smoothed), draw(GRAY, plain))


@pytest.mark.parametrize("shape", [(1, 1), (40, 30), (180, 240), (240, 1000), (1080, 1920), (1280, 720)])
def test_any_frame_size(shape: tuple[int, int]) -> None:
    assert changed(np.full((*shape, 3), 128, np.uint8), RESULT, trail=TRAIL).any() == (shape != (1, 1))


def test_a_network_without_some_heads() -> None:
    nan = np.full(26, np.nan, np.float32)
    for keep in (slice(0, 7), slice(7, 9), slice(9, 26)):
        values = nan.copy()
        values[keep] = 0.6
        assert changed(GRAY, frame(0, [face(0, Affect.from_vector(values), Box(300, 100, 80, 80))])).any()


def test_faces_outside_the_frame() -> None:
    changed(GRAY, frame(0, [face(0, box=Box(-500, -500, 100, 100)), face(1, box=Box(2000, 10, 5000, 5000))]))


def test_fast_enough_for_every_frame() -> None:
    draw(GRAY, RESULT, TRAIL)
    times = []
    for _ in range(30):
        start = time.thread_time()
        draw(GRAY, RESULT, TRAIL)
        times.append(time.thread_time() - start)
    assert np.median(times) < 0.005  # 0.7 ms where it was written
